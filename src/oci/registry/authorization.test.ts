import { describe, expect, it } from 'vitest';
import {
  ask,
  authorize,
  BASIC,
  bob,
  challengeOf,
  errorOf,
  identityToken,
  PUSH,
  SCOPE,
  SECRET,
  sentTo,
  startGuardedRegistry,
  tokensAsked,
} from '../../../test/fixtures/guarded-registry.ts';
import { type GivenAnswer, type Received, startTokenServer } from '../../../test/fixtures/token-server.ts';
import { available, REGISTRY_LOGIN, startRegistry } from '../../../test/fixtures/registries.ts';
import { blobFrom } from '../../../test/fixtures/oci-layout.ts';
import { http } from '../../http.ts';
import { authorization } from './authorization.ts';
import { openHttpRepository } from './http-registry.ts';
import { logIn } from './log-in.ts';

/** A registry that answers nothing without this `Authorization`. */
function asksFor(challenge: string, accepted: string): (received: Received) => GivenAnswer {
  return ({ authorization: sent }) =>
    sent === accepted ? {} : { status: 401, headers: { 'www-authenticate': challenge } };
}

describe('a bearer challenge', () => {
  it('is answered with a token for nobody, by GET with service and scope', async () => {
    const server = await startGuardedRegistry((count) => ({ body: { token: `t${count}` } }));
    const repository = openHttpRepository('models/churn', {
      host: server.host,
      authorization: authorize(server),
    });
    expect(await repository.tags()).toEqual(['1.0.0']);
    expect(sentTo(server)).toEqual([undefined, 'Bearer t1']);
    expect(tokensAsked(server)).toEqual([
      {
        method: 'GET',
        url: `/token?service=registry.example&scope=${encodeURIComponent(SCOPE)}`,
        authorization: undefined,
        contentType: undefined,
        form: {},
      },
    ]);
  });

  it('is answered with the password in a header to the realm alone', async () => {
    const server = await startGuardedRegistry((count) => ({ body: { access_token: `t${count}` } }));
    expect(await ask(server, authorize(server, { credential: bob }))).toBe(200);
    expect(sentTo(server)).toEqual([undefined, 'Bearer t1']);
    expect(tokensAsked(server)).toMatchObject([{ method: 'GET', authorization: BASIC }]);
    expect(tokensAsked(server)[0]?.url).not.toContain('hunter2');
  });

  it('is answered by a form with the password where the realm knows no GET', async () => {
    const server = await startGuardedRegistry((count, { method }) =>
      method === 'GET' ? { status: 405 } : { body: { access_token: `t${count}` } },
    );
    expect(await ask(server, authorize(server, { credential: bob }))).toBe(200);
    expect(tokensAsked(server)[1]).toEqual({
      method: 'POST',
      url: '/token',
      authorization: undefined,
      contentType: 'application/x-www-form-urlencoded',
      form: {
        grant_type: 'password',
        username: 'bob',
        password: SECRET,
        service: 'registry.example',
        scope: SCOPE,
        client_id: 'edgeloop',
      },
    });
  });

  it('is answered by a form with an identity token', async () => {
    const server = await startGuardedRegistry((count) => ({ body: { access_token: `t${count}` } }));
    expect(await ask(server, authorize(server, { credential: identityToken }))).toBe(200);
    expect(tokensAsked(server)).toEqual([
      {
        method: 'POST',
        url: '/token',
        authorization: undefined,
        contentType: 'application/x-www-form-urlencoded',
        form: {
          grant_type: 'refresh_token',
          refresh_token: SECRET,
          service: 'registry.example',
          scope: SCOPE,
          client_id: 'edgeloop',
        },
      },
    ]);
  });

  it('that asks for more than was known gets a token for both', async () => {
    const server = await startTokenServer(({ url, authorization: sent }, origin) => {
      if (url.startsWith('/token')) return { body: { token: 't' } };
      if (sent !== undefined) return {};
      const more = 'repository:models/churn:push repository:base:pull';
      return { status: 401, headers: { 'www-authenticate': challengeOf(origin, more) } };
    });
    expect(await ask(server, authorize(server))).toBe(200);
    const { searchParams } = new URL(`${server.origin}${tokensAsked(server)[0]?.url}`);
    expect(searchParams.getAll('scope')).toEqual([PUSH, 'repository:base:pull']);
  });
});

describe('a basic challenge', () => {
  it('is answered with the password, for every scope from then on', async () => {
    const server = await startTokenServer(asksFor('Negotiate, Basic realm="registry"', BASIC));
    const who = authorize(server, { credential: bob });
    expect(await ask(server, who)).toBe(200);
    expect(await ask(server, who, PUSH)).toBe(200);
    expect(sentTo(server)).toEqual([undefined, BASIC, BASIC]);
  });

  it('is refused when the password is wrong, or when there is none', async () => {
    const server = await startTokenServer(asksFor('Basic realm="registry"', 'Basic other'));
    expect(await errorOf(ask(server, authorize(server, { credential: bob })))).toEqual({
      code: 'registry-unauthorized',
      message: `${server.host} refused the user name "bob" (${SCOPE})`,
    });
    expect(sentTo(server)).toEqual([undefined, BASIC]);
    expect(await errorOf(ask(server, authorize(server)))).toEqual({
      code: 'registry-unauthorized',
      message: `${server.host} asks for a password, and refused an anonymous request (${SCOPE})`,
    });
    expect(await errorOf(ask(server, authorize(server, { credential: identityToken })))).toMatchObject({
      message: expect.stringContaining('refused the identity token'),
    });
  });

  it('of another kind is left to the caller', async () => {
    const server = await startTokenServer(asksFor('Negotiate', BASIC));
    expect(await ask(server, authorize(server, { credential: bob }))).toBe(401);
    expect(sentTo(server)).toEqual([undefined]);
  });

  it("is answered with the workflow's token for ghcr.io, and for no other host", async () => {
    const who = authorization({ host: 'ghcr.io', request: http, workflowToken: 'hunter2' });
    expect(await who.challenged(SCOPE, 'Basic realm="x"')).toBe(true);
    const sent = Buffer.from((await who.header(SCOPE))?.slice('Basic '.length) ?? '', 'base64').toString();
    expect(sent).toMatch(/^\w+:hunter2$/);
    expect(await errorOf(who.challenged(SCOPE, 'Basic realm="x"'))).toMatchObject({
      message: `ghcr.io refused the workflow's token (${SCOPE})`,
    });
    const home = '/nonexistent';
    const inWorkflow = logIn({ environment: { HOME: home, GITHUB_TOKEN: 'hunter2' } })('ghcr.io');
    expect(await inWorkflow.challenged(SCOPE, 'Basic realm="x"')).toBe(true);
    expect(await inWorkflow.header(SCOPE)).toBe(await who.header(SCOPE));
    for (const host of ['ghcr.io.example', 'registry.example']) {
      const other = authorization({ host, request: http, workflowToken: 'hunter2' });
      expect(await errorOf(other.challenged(SCOPE, 'Basic realm="x"'))).toMatchObject({
        message: expect.stringContaining('an anonymous request'),
      });
    }
  });
});

describe.skipIf(!available('docker-registry'))('docker-registry with a password', () => {
  it('takes a blob from who has it, and says no to anybody else', async () => {
    await using registry = await startRegistry('docker-registry', { auth: 'basic' });
    const { host } = registry;
    const open = (password: string) =>
      openHttpRepository('models/churn', {
        host,
        authorization: authorization({
          host,
          request: http,
          credential: { kind: 'basic', username: REGISTRY_LOGIN.username, password },
        }),
      });
    const blob = blobFrom(Buffer.from('weights'));
    await open(REGISTRY_LOGIN.password).writeBlob(blob);
    expect(await open(REGISTRY_LOGIN.password).hasBlob(blob.descriptor.digest)).toBe(true);
    expect(await errorOf(open(SECRET).hasBlob(blob.descriptor.digest))).toMatchObject({
      code: 'registry-unauthorized',
    });
  });
});
