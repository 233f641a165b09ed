import { describe, expect, it } from 'vitest';
import {
  ask,
  authorize,
  challengeOf,
  errorOf,
  PUSH,
  SCOPE,
  sentTo,
  startGuardedRegistry,
  tokensAsked,
} from '../../../test/fixtures/guarded-registry.ts';
import { startTokenServer } from '../../../test/fixtures/token-server.ts';

describe('a token', () => {
  it('is kept for each scope, and got without another challenge for the next scope', async () => {
    const server = await startTokenServer(({ url, authorization: sent }, origin) => {
      if (url.startsWith('/token'))
        return { body: { token: new URL(url, origin).searchParams.get('scope') } };
      return sent === undefined ? { status: 401, headers: { 'www-authenticate': challengeOf(origin) } } : {};
    });
    const who = authorize(server);
    for (const scope of [SCOPE, SCOPE, PUSH, PUSH, SCOPE]) expect(await ask(server, who, scope)).toBe(200);
    const [pull, push] = [`Bearer ${SCOPE}`, `Bearer ${PUSH}`];
    expect(sentTo(server)).toEqual([undefined, pull, pull, push, push, pull]);
    expect(tokensAsked(server)).toHaveLength(2);
  });

  it('is got anew 10 s before it expires, by default after 60 s', async () => {
    for (const [said, seconds] of [
      [{}, 60],
      [{ expires_in: 300 }, 300],
    ] as const) {
      let now = 1_000_000;
      const server = await startGuardedRegistry((count) => ({ body: { token: `t${count}`, ...said } }));
      const who = authorize(server, { now: () => now });
      expect(await ask(server, who)).toBe(200);
      now += (seconds - 10) * 1000 - 1;
      expect(await ask(server, who)).toBe(200);
      expect(tokensAsked(server)).toHaveLength(1);
      now += 1;
      expect(await ask(server, who)).toBe(200);
      expect(sentTo(server)).toEqual([undefined, 'Bearer t1', 'Bearer t1', 'Bearer t2']);
    }
  });

  it('is got once for several requests at once', async () => {
    const server = await startGuardedRegistry((count) => ({ body: { token: `t${count}` } }));
    const who = authorize(server);
    const statuses = await Promise.all(Array.from({ length: 8 }, () => ask(server, who)));
    expect(statuses).toEqual(Array.from({ length: 8 }, () => 200));
    expect(tokensAsked(server)).toHaveLength(1);
  });

  it('is enough for a request whose refusal arrives after another has got it and used it', async () => {
    const server = await startGuardedRegistry((count) => ({ body: { token: `t${count}` } }));
    const who = authorize(server);
    const challenge = challengeOf(server.origin);
    await who.header(SCOPE);
    expect(await ask(server, who)).toBe(200);
    expect(await who.challenged(SCOPE, challenge)).toBe(true);
    expect(tokensAsked(server)).toHaveLength(1);
    await expect(who.challenged(SCOPE, challenge)).rejects.toMatchObject({ code: 'registry-unauthorized' });
  });

  it('that is fresh is replaced when the registry asks for more than it grants', async () => {
    const server = await startGuardedRegistry((count) => ({ body: { token: `t${count}` } }));
    const who = authorize(server);
    expect(await ask(server, who)).toBe(200);
    expect(await who.challenged(SCOPE, challengeOf(server.origin, PUSH))).toBe(true);
    const scopes = tokensAsked(server).map(({ url }) =>
      new URL(url, server.origin).searchParams.get('scope'),
    );
    expect(scopes).toEqual([SCOPE, PUSH]);
  });

  it('that was got in place of an expired one is refused for what it is', async () => {
    let now = 0;
    const server = await startGuardedRegistry((count) => ({ body: { token: `t${count}` } }));
    const who = authorize(server, { now: () => now });
    for (let time = 0; time < 3; time++) expect(await ask(server, who)).toBe(200);
    now += 60_000;
    expect(await who.header(SCOPE)).toBe('Bearer t2');
    expect(await errorOf(who.challenged(SCOPE, challengeOf(server.origin)))).toMatchObject({
      code: 'registry-unauthorized',
    });
  });

  it('that is being replaced is handed out to nobody', async () => {
    let now = 0;
    const server = await startGuardedRegistry((count) => ({
      body: { token: `t${count}`, expires_in: 9000 },
    }));
    const who = authorize(server, { now: () => now });
    expect(await ask(server, who)).toBe(200);
    now += 20_000;
    const [, header] = await Promise.all([
      who.challenged(SCOPE, challengeOf(server.origin)),
      who.header(SCOPE),
    ]);
    expect(header).toBe('Bearer t2');
    expect(tokensAsked(server)).toHaveLength(2);
  });

  it('that was revoked is replaced each time', async () => {
    let now = 0;
    const server = await startGuardedRegistry((count) => ({
      body: { token: `t${count}`, expires_in: 9000 },
    }));
    const who = authorize(server, { now: () => now });
    for (let time = 0; time < 3; time++) {
      expect(await ask(server, who)).toBe(200);
      now += 20_000;
      server.revoke();
    }
    expect(sentTo(server)).toEqual([
      undefined,
      'Bearer t1',
      'Bearer t1',
      'Bearer t2',
      'Bearer t2',
      'Bearer t3',
    ]);
  });

  it('can be got after the token server has failed once', async () => {
    const server = await startGuardedRegistry((count) =>
      count === 1 ? { status: 418 } : { body: { token: `t${count}` } },
    );
    const who = authorize(server);
    expect(await errorOf(ask(server, who))).toEqual({
      code: 'registry-token-failed',
      message: `no token from ${server.origin}/token: it answered 418`,
    });
    expect(await ask(server, who)).toBe(200);
  });
});
