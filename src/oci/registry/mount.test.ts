import { describe, expect, it } from 'vitest';
import { blobFrom } from '../../../test/fixtures/oci-layout.ts';
import { type GivenAnswer, type Received, startTokenServer } from '../../../test/fixtures/token-server.ts';
import { http } from '../../http.ts';
import { authorization } from './authorization.ts';
import { openHttpRepository } from './http-registry.ts';

const BLOB = blobFrom(Buffer.from('weights'));
const PUSH = 'repository:production/churn:pull,push';
const PULL = 'repository:staging/churn:pull';

/** A registry that takes no request without a token for what it does; `grant` says what a token is for. */
function registryWith(grant: (scopes: string[]) => string[] | undefined) {
  return startTokenServer((received, origin) => {
    const { pathname, searchParams } = new URL(received.url, origin);
    if (pathname === '/token') {
      const granted = grant(searchParams.getAll('scope'));
      if (granted === undefined) return { status: 403 };
      return { body: { token: Buffer.from(granted.join(' ')).toString('base64url') } };
    }
    const needed = searchParams.has('mount') ? [PUSH, PULL] : [PUSH];
    const scopes = scopesOf(received);
    if (needed.every((scope) => scopes.includes(scope))) return answer(received, searchParams);
    const challenge = `Bearer realm="${origin}/token",service="test",scope="${needed.join(' ')}"`;
    return { status: 401, headers: { 'www-authenticate': challenge } };
  });
}

function scopesOf({ authorization: header = '' }: Received): string[] {
  return Buffer.from(header.replace('Bearer ', ''), 'base64url').toString().split(' ');
}

function answer({ method }: Received, query: URLSearchParams): GivenAnswer {
  if (method === 'HEAD') return { status: 404 };
  if (method === 'PUT' || query.has('mount')) return { status: 201 };
  return { status: 202, headers: { location: '/v2/production/churn/blobs/uploads/1' } };
}

async function push(server: Awaited<ReturnType<typeof registryWith>>) {
  const known = authorization({ host: server.host, request: http });
  const repository = openHttpRepository('production/churn', { host: server.host, authorization: known });
  return repository.writeBlob({ ...BLOB, origin: `${server.host}/staging/churn` });
}

describe('a mount', () => {
  it('asks for one token that may pull there and push here', async () => {
    const server = await registryWith((scopes) => scopes);
    expect(await push(server)).toEqual({ transferred: 0 });
    expect(server.received.map(({ method }) => method)).not.toContain('PUT');
    const mounts = server.received.filter(({ url }) => url.includes('mount='));
    expect(mounts[0]?.url).toBe(
      `/v2/production/churn/blobs/uploads/?mount=${encodeURIComponent(BLOB.descriptor.digest)}&from=staging%2Fchurn`,
    );
    expect(mounts.map(scopesOf).at(-1)).toEqual([PUSH, PULL]);
  });

  it.each<[string, (scopes: string[]) => string[] | undefined]>([
    ['grants no pull there', (scopes) => scopes.filter((scope) => scope !== PULL)],
    ['refuses a token for both', (scopes) => (scopes.includes(PULL) ? undefined : scopes)],
  ])('whose token server %s becomes an upload', async (_, grant) => {
    const server = await registryWith(grant);
    expect(await push(server)).toEqual({ transferred: 7 });
    expect(server.received.at(-1)).toMatchObject({ method: 'PUT' });
  });
});
