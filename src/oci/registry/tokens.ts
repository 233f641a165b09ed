import { failure } from '../../errors.ts';
import { isLoopback } from '../../http-agent.ts';
import type { Challenge } from './challenge.ts';
import { askWithEntra } from './entra-exchange.ts';
import { type Identity, unauthorized } from './identity.ts';
import { type AccessToken, isOtherWay, isRefusal, readAccessToken, tokenFailed } from './token-answers.ts';
import {
  getToken,
  postGrant,
  type TokenAnswer,
  type TokenQuestion,
  type TokenSettings,
} from './token-requests.ts';

/** Gets a token for a scope list from the server that a bearer challenge names. */
export type TokenSource = (challenge: Challenge, scope: string) => Promise<AccessToken>;

/**
 * Where tokens for one identity come from. It throws `registry-unauthorized`, `registry-token-failed`,
 * `registry-challenge-unsafe` or what `request` throws.
 */
export function tokenSource(settings: TokenSettings, identity: Identity): TokenSource {
  const ask = wayOf(settings, identity);
  return async ({ realm, service = '' }, scope) => {
    const url = realmUrl(settings, realm);
    const answer = await ask({ url, service, scope });
    if (isRefusal(answer)) throw unauthorized(settings.host, identity, scope);
    const access = readAccessToken(answer, url);
    settings.mask?.(access.token);
    return access;
  };
}

/** `Basic` with a user name and password (RFC 7617). */
export function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function wayOf(
  settings: TokenSettings,
  identity: Identity,
): (question: TokenQuestion) => Promise<TokenAnswer> {
  const { request } = settings;
  if (identity.kind === 'anonymous') return (question) => getToken(request, question);
  if (identity.kind === 'entra') return askWithEntra(settings, identity);
  if (identity.kind === 'basic') {
    const { username, password } = identity;
    return async (question) => {
      const answer = await getToken(request, question, { authorization: basicHeader(identity) });
      if (!isOtherWay(answer)) return answer;
      return postGrant(request, question, { grant_type: 'password', username, password });
    };
  }
  const { token } = identity;
  return async (question) => {
    const answer = await postGrant(request, question, { grant_type: 'refresh_token', refresh_token: token });
    if (!isOtherWay(answer)) return answer;
    throw tokenFailed(question.url, `it answered ${answer.status}, so it takes no identity token`);
  };
}

function realmUrl({ host, plainHttp }: TokenSettings, realm: string): URL {
  const url = URL.parse(realm);
  const mayBePlain = plainHttp === true || isLoopback(url?.hostname ?? '');
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && mayBePlain);
  if (url !== null && isSafe && url.username === '' && url.password === '') return url;
  const shown = url === null ? 'something that is no URL' : `${url.protocol}//${url.host}${url.pathname}`;
  throw failure(
    'registry-challenge-unsafe',
    `${host} wants tokens to be asked for at ${shown}, where a secret would not be safe`,
    'Let the registry name an https:// realm without a user name, or use --plain-http in a network that you trust.',
  );
}
