import { describe, expect, it } from 'vitest';
import {
  ask,
  authorize,
  bob,
  errorOf,
  identityToken,
  SCOPE,
  SECRET,
  sentTo,
  startGuardedRegistry,
} from '../../../test/fixtures/guarded-registry.ts';
import { type GivenAnswer, type TokenServer, startTokenServer } from '../../../test/fixtures/token-server.ts';
import { http } from '../../http.ts';
import type { SendRequest } from './token-requests.ts';

/** A request that ends at this server, whatever its URL says. */
function redirectedTo(server: TokenServer): SendRequest {
  return (url, options) => http(`${server.origin}${new URL(url).pathname}`, options);
}

describe('a refusal', () => {
  it('of a fresh token says who was tried, after one more try', async () => {
    const names = [
      [undefined, 'an anonymous request'],
      [bob, 'the user name "bob"'],
      [identityToken, 'the identity token of "docker login"'],
    ] as const;
    for (const [credential, name] of names) {
      const server = await startGuardedRegistry(() => ({ body: { token: 'another' } }));
      expect(await errorOf(ask(server, authorize(server, { credential })))).toEqual({
        code: 'registry-unauthorized',
        message: `${server.host} refused ${name} (${SCOPE})`,
      });
      expect(sentTo(server)).toEqual([undefined, 'Bearer another']);
    }
  });

  it('by the token server says the same, and repeats nothing of its answer', async () => {
    const refusals: GivenAnswer[] = [
      { status: 401, body: { errors: [{ message: `no ${SECRET}` }] } },
      { status: 403, body: SECRET },
      { status: 400, body: { error: 'invalid_grant', error_description: SECRET } },
    ];
    for (const refusal of refusals) {
      const server = await startGuardedRegistry(() => refusal);
      expect(await errorOf(ask(server, authorize(server, { credential: bob })))).toMatchObject({
        code: 'registry-unauthorized',
        message: expect.stringContaining('the user name "bob"'),
      });
    }
  });

  it('is not what a token server means that answers something else', async () => {
    const answers: [GivenAnswer, string][] = [
      [{ body: '<html>hunter2' }, 'its answer holds no token'],
      [{ body: { token: 'hunter2\r\nX: y' } }, 'its answer holds no token'],
      [{ body: {} }, 'its answer holds no token'],
      [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'it answered 302'],
      [{ status: 404 }, 'it answered 404, so it takes no identity token'],
      [{ status: 400, body: { error: 'invalid_scope' } }, 'it answered 400'],
    ];
    for (const [answer, problem] of answers) {
      const server = await startGuardedRegistry(() => answer);
      expect(await errorOf(ask(server, authorize(server, { credential: identityToken })))).toEqual({
        code: 'registry-token-failed',
        message: `no token from ${server.origin}/token: ${problem}`,
      });
    }
  });
});

describe('a realm', () => {
  it('that is not safe is sent nothing', async () => {
    const server = await startTokenServer(() => ({ body: { token: 't' } }));
    const unsafe = [
      'http://auth.example/token?hunter2',
      'http://localhost.auth.example/token',
      'ftp://auth.example/token',
      'https://bob@auth.example/token',
      'https://:hunter2@auth.example/token',
      '/token',
    ];
    for (const realm of unsafe) {
      const who = authorize(server, { credential: bob, request: redirectedTo(server) });
      expect(await errorOf(who.challenged(SCOPE, `Bearer realm="${realm}"`))).toMatchObject({
        code: 'registry-challenge-unsafe',
        message: expect.stringContaining(server.host),
      });
    }
    expect(server.received).toEqual([]);
  });

  it('may be http:// where plain HTTP was asked for, and https:// anywhere', async () => {
    const server = await startTokenServer(() => ({ body: { token: 't' } }));
    const plain = authorize(server, { plainHttp: true, request: redirectedTo(server) });
    expect(await plain.challenged(SCOPE, 'Bearer realm="http://auth.example/token"')).toBe(true);
    const safe = authorize(server, { request: redirectedTo(server) });
    expect(await safe.challenged(SCOPE, 'Bearer realm="https://auth.example/token"')).toBe(true);
    expect(await safe.header(SCOPE)).toBe('Bearer t');
  });
});
