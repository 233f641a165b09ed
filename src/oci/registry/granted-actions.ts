import { z } from 'zod';
import { EdgeloopError } from '../../errors.ts';
import { http } from '../../http.ts';
import { endpointOf, type HttpRegistrySettings } from './endpoint.ts';
import { registryError } from './registry-errors.ts';

// distribution, "Token Authentication Implementation".
const claimsSchema = z.object({
  access: z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) })).nullish(),
});

/**
 * Which actions a registry lets us do in a repository, by the tokens that it gives for each of these lists (`pull`,
 * `pull,push`); `undefined` where it asks for none, or they do not say. Nothing is written. Throws what logging in throws,
 * and `registry-unauthorized` where we may not even do the first.
 */
export async function grantedActions(
  settings: Omit<HttpRegistrySettings, 'prefix'> & { repository: string },
  wanted: readonly string[],
): Promise<ReadonlySet<string> | undefined> {
  const { repository, authorization, signal } = settings;
  const { base } = endpointOf({ ...settings, prefix: '' });
  const answer = await http(base.href, { anyStatus: true, retries: 1, ...(signal && { signal }) });
  const challenge = answer.status === 401 ? answer.headers['www-authenticate'] : undefined;
  if (challenge === undefined && answer.status >= 400)
    throw registryError(answer, `asking ${settings.host} who it wants us to be`);
  if (authorization === undefined || challenge === undefined) return undefined;
  const scopeOf = (action: string) => `repository:${repository}:${action}`;
  const [first = 'pull', ...others] = wanted;
  if (!(await authorization.challenged(scopeOf(first), String(challenge)))) return undefined;
  const actionsOf = async (list: string): Promise<string[] | undefined> =>
    actionsIn(await authorization.header(scopeOf(list)), repository);
  const told = await Promise.all([
    actionsOf(first),
    // A token server may refuse what it does not grant, instead of a token without it.
    ...others.map((list) => actionsOf(list).catch(refusedAll)),
  ]);
  if (told.includes(undefined)) return undefined;
  return new Set(told.flatMap((actions) => actions ?? []));
}

function refusedAll(error: unknown): string[] {
  if (error instanceof EdgeloopError && error.code === 'registry-unauthorized') return [];
  throw error;
}

function actionsIn(header: string | undefined, repository: string): string[] | undefined {
  const [, payload] = /^Bearer [^.]+\.([^.]+)\.[^.]*$/.exec(header ?? '') ?? [];
  if (payload === undefined) return undefined;
  const { data } = claimsSchema.safeParse(jsonOf(payload));
  return data?.access?.flatMap(({ name, actions }) => (name === repository ? actions : []));
}

function jsonOf(payload: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
}
