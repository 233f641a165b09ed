import { z } from 'zod';
import { failure } from '../../errors.ts';
import type { TokenAnswer } from './token-requests.ts';

export interface AccessToken {
  token: string;
  lifetimeMs: number;
}

// What an HTTP header can carry.
const tokenSchema = z.string().regex(/^[\x21-\x7e]+$/);
// distribution, "Token Authentication" and "OAuth2 Token Authentication": 60 s when nothing is said.
const accessSchema = z
  .object({
    token: z.unknown().optional(),
    access_token: z.unknown().optional(),
    expires_in: z.coerce.number().positive().catch(60),
  })
  .transform(({ token, access_token, expires_in }) => ({
    token: tokenSchema.safeParse(token || access_token).data,
    lifetimeMs: expires_in * 1000,
  }));
const refreshSchema = z.object({ refresh_token: tokenSchema });
// RFC 6749 5.2.
const refusalSchema = z.object({ error: z.enum(['invalid_grant', 'invalid_client', 'unauthorized_client']) });

/** Reads an access token; throws `registry-token-failed`, without the answer's body: it may hold a secret. */
export function readAccessToken(answer: TokenAnswer, url: URL): AccessToken {
  const { token, lifetimeMs } = read(accessSchema, answer, url);
  if (token === undefined) throw tokenFailed(url, 'its answer holds no token');
  return { token, lifetimeMs };
}

/** Reads a refresh token; throws as `readAccessToken` does. */
export function readRefreshToken(answer: TokenAnswer, url: URL): string {
  return read(refreshSchema, answer, url).refresh_token;
}

/** True for an answer that means that we are not the one. */
export function isRefusal({ status, body }: TokenAnswer): boolean {
  return (
    status === 401 || status === 403 || (status === 400 && refusalSchema.safeParse(jsonOf(body)).success)
  );
}

/** True for an answer that means that it must be asked the other way: not every token server knows both. */
export function isOtherWay({ status }: TokenAnswer): boolean {
  return status === 404 || status === 405;
}

/** The failure of a server that gives tokens, and gave none. */
export function tokenFailed(url: URL, problem: string): Error {
  return failure(
    'registry-token-failed',
    `no token from ${url.origin}${url.pathname}: ${problem}`,
    'Check that it is the token server of this registry, and that no proxy or login page stands before it.',
  );
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  { status, body }: TokenAnswer,
  url: URL,
): z.output<Schema> {
  if (status !== 200) throw tokenFailed(url, `it answered ${status}`);
  const parsed = schema.safeParse(jsonOf(body));
  if (parsed.success) return parsed.data;
  throw tokenFailed(url, 'its answer holds no token');
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
