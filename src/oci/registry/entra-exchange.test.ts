import { describe, expect, it } from 'vitest';
import { readDescription } from '../../../test/fakes/acr/description.ts';
import {
  type GivenAnswer,
  type Received,
  startTokenServer,
  type TokenServer,
} from '../../../test/fixtures/token-server.ts';
import { failure, messageOf } from '../../errors.ts';
import { http } from '../../http.ts';
import type { Authorization } from './authorization-types.ts';
import { authorization } from './authorization.ts';

const PULL = 'repository:models/churn:pull';
const PUSH = 'repository:models/churn:pull,push';
const entraToken = async (): Promise<string> => 'entra-secret';

const describeRoute = readDescription();

/** What Azure's own description of an operation has against a request. */
function problemsWith({ method, url, contentType, form }: Received): string[] {
  const body = new URLSearchParams(form).toString();
  return describeRoute(`${method} ${url}`).misfitsOfRequest({
    query: new URLSearchParams(),
    contentType,
    body,
  });
}

/** Plays the two endpoints of Azure Container Registry as its documentation has them; `refreshes` are what it takes. */
async function startAzure(
  given: { exchange?: GivenAnswer; anybodyMay?: RegExp } = {},
): Promise<{ server: TokenServer; refreshes: Set<string>; challenge: string }> {
  const refreshes = new Set<string>();
  let count = 0;
  const server = await startTokenServer((received) => {
    const { method, url, form } = received;
    const asked = new URL(url, 'https://contoso.azurecr.io');
    if (given.anybodyMay && method === 'GET' && asked.pathname === '/oauth2/token') {
      const scope = asked.searchParams.get('scope') ?? '';
      return given.anybodyMay.test(scope) ? { body: { access_token: `anybody:${scope}` } } : { status: 401 };
    }
    if (method !== 'POST' || !/^\/oauth2\/(exchange|token)$/.test(url)) return { status: 404 };
    const problems = problemsWith(received);
    if (problems.length > 0) return { status: 400, body: { errors: [{ message: problems.join() }] } };
    if (url === '/oauth2/exchange') {
      if (form['grant_type'] !== 'access_token' || form['access_token'] !== 'entra-secret')
        return { status: 401 };
      const refresh = `refresh-secret-${++count}`;
      refreshes.add(refresh);
      return given.exchange ?? { body: { refresh_token: refresh } };
    }
    if (form['grant_type'] !== 'refresh_token' || !refreshes.has(form['refresh_token'] ?? ''))
      return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED' }] } };
    return { body: { access_token: `access:${form['scope']}` } };
  });
  const challenge = `Bearer realm="${server.origin}/oauth2/token",service="contoso.azurecr.io",scope="${PULL}"`;
  return { server, refreshes, challenge };
}

const authorize = (server: TokenServer, now?: () => number): Authorization =>
  authorization({ host: server.host, request: http, entraToken, isAzure: true, ...(now && { now }) });

describe("Azure's exchange", () => {
  it('happens once, and gives a token for each scope', async () => {
    const { server, challenge } = await startAzure();
    const who = authorize(server);
    expect(await who.header(PULL)).toBeUndefined();
    expect(server.received).toEqual([]);
    expect(await who.challenged(PULL, challenge)).toBe(true);
    expect(await Promise.all([PULL, PUSH, PUSH].map((scope) => who.header(scope)))).toEqual(
      [PULL, PUSH, PUSH].map((scope) => `Bearer access:${scope}`),
    );
    const service = 'contoso.azurecr.io';
    const refresh = { grant_type: 'refresh_token', refresh_token: 'refresh-secret-1', client_id: 'edgeloop' };
    expect(server.received.map(({ url, form }) => ({ url, form }))).toEqual([
      {
        url: '/oauth2/exchange',
        form: { grant_type: 'access_token', service, access_token: 'entra-secret' },
      },
      { url: '/oauth2/token', form: { ...refresh, service, scope: PULL } },
      { url: '/oauth2/token', form: { ...refresh, service, scope: PUSH } },
    ]);
    expect(server.received.map(({ contentType }) => contentType)).toEqual(
      Array.from({ length: 3 }, () => 'application/x-www-form-urlencoded'),
    );
  });

  it('happens again when the refresh token has expired', async () => {
    let now = 0;
    const { server, refreshes, challenge } = await startAzure();
    const who = authorize(server, () => now);
    await who.challenged(PULL, challenge);
    refreshes.clear();
    now += 4 * 3600 * 1000;
    expect(await Promise.all([who.header(PULL), who.header(PUSH)])).toEqual([
      `Bearer access:${PULL}`,
      `Bearer access:${PUSH}`,
    ]);
    // Once for both, which were refused with the same one.
    const exchanges = server.received.filter(({ url }) => url === '/oauth2/exchange');
    expect(exchanges).toHaveLength(2);
    expect(server.received).toHaveLength(7);
  });

  it('that is refused says so without a secret, and is tried anew by the next request', async () => {
    const exchange: GivenAnswer = { status: 403, body: 'entra-secret' };
    const { server, challenge } = await startAzure({ exchange });
    const who = authorize(server);
    for (let time = 1; time <= 2; time++) {
      const error: unknown = await who.challenged(PULL, challenge).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'registry-unauthorized',
        message: `${server.host} refused the Entra identity (${PULL})`,
        remedy: expect.stringContaining('AcrPull'),
      });
      expect(`${messageOf(error)} ${JSON.stringify(error)}`).not.toMatch(/-secret/);
      expect(server.received).toHaveLength(time);
    }
  });

  it('is passed by where this machine has no identity and anybody may pull', async () => {
    const { server, challenge } = await startAzure({ anybodyMay: /:pull$/ });
    const said = failure('azure-no-identity', 'no identity for Azure: none of them', 'Sign in.');
    const who = authorization({
      host: server.host,
      request: http,
      entraToken: () => Promise.reject(said),
      isAzure: true,
    });
    expect(await who.challenged(PULL, challenge)).toBe(true);
    expect(await who.header(PULL)).toBe(`Bearer anybody:${PULL}`);
    await expect(who.header(PUSH)).rejects.toMatchObject({
      code: 'registry-unauthorized',
      message: `${server.host} refused an anonymous request (${PUSH}), and there is no identity for Azure: none of them`,
      remedy: expect.stringMatching(/^Sign in\. .*EDGELOOP_REGISTRY_USERNAME/),
    });
  });

  it('hands every token to be masked before it is used', async () => {
    const masked: string[] = [];
    const { server, challenge } = await startAzure();
    const mask = (secret: string) => void masked.push(secret);
    const who = authorization({ host: server.host, request: http, entraToken, isAzure: true, mask });
    await who.challenged(PULL, challenge);
    expect(masked).toEqual(['refresh-secret-1', `access:${PULL}`]);
  });

  it('names the registry itself as the service when the challenge names none', async () => {
    const { server } = await startAzure();
    const challenge = `Bearer realm="${server.origin}/oauth2/token"`;
    expect(await authorize(server).challenged(PULL, challenge)).toBe(true);
    expect(server.received.map(({ form }) => form['service'])).toEqual([server.host, server.host]);
  });

  it("is for Azure's hosts only, and sends the Entra token to no realm of another", async () => {
    const { server, challenge } = await startAzure();
    const urls: string[] = [];
    const request: typeof http = (url, options) => {
      urls.push(url);
      return http(`${server.origin}${new URL(url).pathname}`, options);
    };
    const stranger = authorization({ host: 'azurecr.io.example', request, entraToken });
    await expect(stranger.challenged(PULL, challenge)).rejects.toMatchObject({
      code: 'registry-token-failed',
    });
    expect(urls).toEqual([expect.stringMatching(/\/oauth2\/token\?service=/)]);
    urls.length = 0;
    const azure = authorization({ host: 'contoso.azurecr.io', request, entraToken });
    expect(await azure.challenged(PULL, challenge)).toBe(true);
    expect(urls).toEqual(['https://contoso.azurecr.io/oauth2/exchange', `${server.origin}/oauth2/token`]);
  });
});
