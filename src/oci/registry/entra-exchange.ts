import { isLoopback } from '../../http-agent.ts';
import { unauthorized } from './identity.ts';
import { isRefusal, readRefreshToken } from './token-answers.ts';
import {
  postForm,
  postGrant,
  type SendRequest,
  type TokenAnswer,
  type TokenQuestion,
} from './token-requests.ts';

/**
 * Exchanges an Entra token for a refresh token of the registry, once, and that for each access token (Microsoft, "Azure
 * Container Registry authentication: AAD OAuth"). The Entra token goes to the registry's own host only.
 */
export function askWithEntra(
  { host, plainHttp, request }: { host: string; plainHttp?: boolean; request: SendRequest },
  entraToken: () => Promise<string>,
): (question: TokenQuestion) => Promise<TokenAnswer> {
  const isPlain = plainHttp === true || isLoopback(new URL(`http://${host}`).hostname);
  const url = new URL(`${isPlain ? 'http' : 'https'}://${host}/oauth2/exchange`);
  let exchanged: Promise<string> | undefined;

  const exchange = async ({ service, scope }: TokenQuestion): Promise<string> => {
    const answer = await postForm(request, url, {
      grant_type: 'access_token',
      service,
      access_token: await entraToken(),
    });
    if (isRefusal(answer)) throw unauthorized(host, { kind: 'entra', entraToken }, scope);
    return readRefreshToken(answer, url);
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
    const answer = await ask(question);
    // A refresh token lives for hours: one from an earlier question may have expired.
    if (!isRefusal(answer) || before === undefined) return answer;
    forget(before);
    return ask(question);
  };
}
