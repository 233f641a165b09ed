// Blobs that another repository of the same registry has: they are mounted, and their bytes do not travel.
import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { logIn, openRegistry, type Repository } from '../../src/oci/index.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { blobFrom } from '../fixtures/oci-layout.ts';
import { available, REGISTRY_LOGIN, type RegistryKind, startRegistry } from '../fixtures/registries.ts';

const CASES: [RegistryKind, 'none' | 'basic'][] = [
  ['distribution', 'none'],
  ['distribution', 'basic'],
  ['docker-registry', 'none'],
  ['docker-registry', 'basic'],
  ['ociregistry', 'none'],
];
const SIZE = 5 * 1024 * 1024;
const POST = { method: 'POST', path: /mount=/ };
const { username, password } = REGISTRY_LOGIN;
const environment = {
  HOME: '/nonexistent',
  EDGELOOP_REGISTRY_USERNAME: username,
  EDGELOOP_REGISTRY_PASSWORD: password,
};

interface Two {
  proxy: FaultProxy;
  from: Repository;
  to: Repository;
}

async function start(kind: RegistryKind, auth: 'none' | 'basic'): Promise<Two> {
  const registry = await startRegistry(kind, { auth });
  onTestFinished(() => registry.stop());
  const proxy = await startFaultProxy(registry.url);
  onTestFinished(() => proxy.stop());
  const open = (prefix: string): Repository =>
    openRegistry(`${proxy.host}/${prefix}`, { authorize: logIn({ environment }) }).repository('churn');
  return { proxy, from: open('staging'), to: open('production') };
}

const read = async (repository: Repository, blob: ReturnType<typeof blobFrom>): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(repository.readBlob(blob.descriptor)));

describe.each(CASES)('a blob of another repository in %s with login %s', (kind, auth) => {
  const there = available(kind);

  it.skipIf(!there)('is mounted, and not sent', async () => {
    const { proxy, from, to } = await start(kind, auth);
    const content = randomBytes(SIZE);
    const blob = blobFrom(content);
    await from.writeBlob(blob);
    const before = proxy.bytes().request;
    expect(await to.writeBlob({ ...blob, origin: from.name })).toEqual({ transferred: 0 });
    expect(proxy.bytes().request).toBe(before);
    expect((await read(to, blob)).equals(content)).toBe(true);
  });

  it.skipIf(!there)('is sent when that repository has it not', async () => {
    const { from, to } = await start(kind, auth);
    for (const size of [1000, SIZE]) {
      const content = randomBytes(size);
      const blob = blobFrom(content);
      expect(await to.writeBlob({ ...blob, origin: from.name })).toEqual({ transferred: size });
      expect((await read(to, blob)).equals(content)).toBe(true);
    }
  });

  it.skipIf(!there).each([401, 403, 404, 405])('is sent when a mount is answered with %i', async (status) => {
    const { proxy, from, to } = await start(kind, auth);
    const content = randomBytes(1000);
    const blob = blobFrom(content);
    await from.writeBlob(blob);
    const headers = { 'www-authenticate': 'Basic realm="staging"' };
    proxy.fault({ fault: 'answer', status, headers }, { ...POST, times: Infinity });
    expect(await to.writeBlob({ ...blob, origin: from.name })).toEqual({ transferred: 1000 });
    expect(proxy.requests.filter(({ status: answered }) => answered === status)).not.toEqual([]);
    expect((await read(to, blob)).equals(content)).toBe(true);
  });

  it.skipIf(!there)('of another host, or of a folder, is sent', async () => {
    const { proxy, to } = await start(kind, auth);
    for (const origin of [`other.example/${to.name}`, 'oci:models/churn', to.name]) {
      const blob = blobFrom(randomBytes(1000));
      expect(await to.writeBlob({ ...blob, origin })).toEqual({ transferred: 1000 });
    }
    expect(proxy.requests.filter(({ path }) => POST.path.test(path))).toEqual([]);
  });
});
