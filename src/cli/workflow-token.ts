import { z } from 'zod';
import { failure } from '../errors.ts';
import { http } from '../http.ts';

const answerSchema = z.object({ value: z.string().min(1) });

/**
 * Gives the token by which a workflow proves which one it is (GitHub, "OpenID Connect reference"), for a verb that a step
 * runs by hand; `undefined` where the job has no permission `id-token: write`, and outside a workflow.
 */
export function workflowToken(
  environment: NodeJS.ProcessEnv,
): ((audience: string) => Promise<string>) | undefined {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = environment;
  if (!address || !secret) return undefined;
  return async (audience) => {
    const url = new URL(address);
    url.searchParams.set('audience', audience);
    const { body } = await http(url.href, { headers: { authorization: `Bearer ${secret}` }, retries: 2 });
    const { data } = answerSchema.safeParse(parsed(body.toString()));
    if (data !== undefined) return data.value;
    throw failure(
      'workflow-token-missing',
      'GitHub gave no token for this workflow',
      'Run the job again; see https://www.githubstatus.com.',
    );
  };
}

/** `undefined` for what is no JSON: the page of a proxy, for example. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
