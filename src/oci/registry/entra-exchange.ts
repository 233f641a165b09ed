import { EdgeloopError } from '../../errors.ts';
import { isLoopback } from '../../http-agent.ts';
import { type EntraIdentity, unauthorized } from './identity.ts';
import { isRefusal, readRefreshToken } from './token-answers.ts';
import {
  getToken,
  postForm,
  postGrant,
  type TokenAnswer,
  type TokenQuestion,
  type TokenSettings,
} from './token-requests.ts';

/**
 * Exchanges an Entra token for a refresh token of the registry, once, and that for each access token (Microsoft, "Azure
 * Container Registry authentication: AAD OAuth"). The Entra token goes to the registry's own host only. Where this
 * machine has no identity, it asks for what anybody may do: a registry may let anybody pull.
 */
export function askWithEntra(
  { host, plainHttp, request, mask }: TokenSettings,
  identity: EntraIdentity,
): (question: TokenQuestion) => Promise<TokenAnswer> {
  const isPlain = plainHttp === true || isLoopback(new URL(`http://${host}`).hostname);
  const url = new URL(`${isPlain ? 'http' : 'https'}://${host}/oauth2/exchange`);
  let exchanged: Promise<string> | undefined;

  const exchange = async ({ service, scope }: TokenQuestion): Promise<string> => {
    const answer = await postForm(request, url, {
      grant_type: 'access_token',
      service,
      access_token: await identity.entraToken(),
    });
    delete identity.absent;
    if (isRefusal(answer)) throw unauthorized(host, identity, scope);
    const token = readRefreshToken(answer, url);
    mask?.(token);
    return token;
  };
  const refreshToken = async (question: TokenQuestion): Promise<string> => {
    const mine = (exchanged ??= exchange(question));
    try {
      return await mine;
    } catch (error) {
      forget(mine);
      throw error;
    }
  };
  const forget = (which: Promise<string> | undefined): void => {
    // Another request may have exchanged anew in the meantime.
    if (exchanged === which) exchanged = undefined;
  };
  const ask = async (question: TokenQuestion): Promise<TokenAnswer> =>
    postGrant(request, question, {
      grant_type: 'refresh_token',
      refresh_token: await refreshToken(question),
    });

  return async (asked) => {
    // Azure wants it every time, whether its challenge names one or not.
    const question = { ...asked, service: asked.service || host };
    const before = exchanged;
    let answer: TokenAnswer;
    try {
      answer = await ask(question);
    } catch (error) {
      if (!(error instanceof EdgeloopError) || error.code !== 'azure-no-identity') throw error;
      identity.absent = error;
      return getToken(request, question);
    }
    // A refresh token lives for hours: one from an earlier question may have expired.
    if (!isRefusal(answer) || before === undefined) return answer;
    forget(before);
    return ask(question);
  };
}
