import { z } from 'zod';
import { http } from '../http.ts';

/** Where Entra is in the public cloud. */
const PUBLIC_AUTHORITY = 'https://login.microsoftonline.com';
const refusalSchema = z.object({ error_description: z.string() });

/**
 * Asks Entra what its SDK asks first, which does not tell why it got nothing. Gives what Entra says against it, such as
 * an unknown tenant; `undefined` where it answers now. Throws what kept the question from it: `http-failed`,
 * `tls-failed`, `proxy-refused`.
 */
export async function askEntra(
  environment: NodeJS.ProcessEnv,
  tenantId: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const authority = (environment['AZURE_AUTHORITY_HOST'] || PUBLIC_AUTHORITY).replace(/\/$/, '');
  const url = `${authority}/${encodeURIComponent(tenantId)}/v2.0/.well-known/openid-configuration`;
  const { status, body } = await http(url, { retries: 0, ...(signal && { signal }) });
  if (status === 200) return undefined;
  return refusalOf(body.toString()) ?? `${url} answered ${status}`;
}

function refusalOf(body: string): string | undefined {
  try {
    return refusalSchema.safeParse(JSON.parse(body)).data?.error_description;
  } catch {
    return undefined;
  }
}
