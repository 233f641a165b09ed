import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../../test/fakes/fault-proxy.ts';
import { blobFrom, scratchFolder } from '../../../test/fixtures/oci-layout.ts';
import { available, type RegistryKind, startRegistry } from '../../../test/fixtures/registries.ts';
import { failure } from '../../errors.ts';
import type { BlobSource, Repository } from '../repository.ts';
import type { HttpRegistrySettings } from './endpoint.ts';
import { openHttpRepository } from './http-registry.ts';

const SIZE = 8 * 1024 * 1024;
const PATCH = { method: 'PATCH' };
/** Asking how far a session has got. */
const QUESTION = { method: 'GET', path: /\/uploads\// };

interface Started {
  proxy: FaultProxy;
  repository: Repository;
  /** The same repository past the proxy. */
  direct: Repository;
}

async function start(
  kind: RegistryKind,
  settings: Pick<HttpRegistrySettings, 'uploads' | 'signal'> = {},
): Promise<Started> {
  const registry = await startRegistry(kind);
  onTestFinished(() => registry.stop());
  const proxy = await startFaultProxy(registry.url);
  onTestFinished(() => proxy.stop());
  return {
    proxy,
    repository: openHttpRepository('models/churn', { host: proxy.host, stallMs: 1000, ...settings }),
    direct: openHttpRepository('models/churn', { host: registry.host }),
  };
}

/** A blob in pieces, as a file is read. */
function inPieces(content: Buffer): BlobSource {
  return {
    descriptor: blobFrom(content).descriptor,
    async *open() {
      for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
    },
  };
}

async function isThere({ direct }: Started, blob: BlobSource, content: Buffer): Promise<boolean> {
  return Buffer.concat(await Array.fromAsync(direct.readBlob(blob.descriptor))).equals(content);
}

const methods = ({ requests }: FaultProxy): string[] => requests.map(({ method }) => method);

describe.skipIf(!available('distribution'))('an upload to distribution', () => {
  it('goes on from what the registry has after a cut', async () => {
    for (const share of [0.1, 0.5, 0.9]) {
      const started = await start('distribution');
      const content = randomBytes(SIZE);
      const blob = inPieces(content);
      started.proxy.fault({ fault: 'drop', of: 'request', afterBytes: Math.floor(SIZE * share) }, PATCH);
      const { transferred } = await started.repository.writeBlob(blob);
      expect(await isThere(started, blob, content)).toBe(true);
      // It is asked as long as the session grows.
      const told = started.proxy.requests.filter((seen) => seen.method !== 'GET');
      expect(told.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'PATCH', 'PATCH', 'PUT']);
      expect(told[3]?.headers['content-range']).toMatch(/^[1-9]\d*-8388607$/);
      expect(transferred).toBeGreaterThanOrEqual(SIZE);
    }
  });

  it('is closed later when the registry is busy, without being sent again', async () => {
    const started = await start('distribution');
    const content = randomBytes(SIZE);
    const blob = inPieces(content);
    const busy = { fault: 'answer', status: 503, headers: { 'retry-after': '0' } } as const;
    started.proxy.fault(busy, { method: 'PUT', times: 2 });
    expect(await started.repository.writeBlob(blob)).toEqual({ transferred: SIZE });
    expect(methods(started.proxy).join(' ')).toBe('HEAD POST PATCH PUT HEAD GET PUT HEAD GET PUT');
    expect(await isThere(started, blob, content)).toBe(true);
  });

  it('is made anew when what was left of it held other bytes', async () => {
    await using scratch = await scratchFolder();
    const started = await start('distribution', { uploads: scratch.path });
    const { proxy, repository } = started;
    const content = randomBytes(SIZE);
    const blob = inPieces(content);
    proxy.fault({ fault: 'answer', status: 503, headers: { 'retry-after': '0' } }, { ...QUESTION, times: 3 });
    const changed: BlobSource = {
      descriptor: blob.descriptor,
      // Other bytes, and then a source that cannot be read on for a while.
      async *open() {
        yield randomBytes(SIZE / 2);
        yield randomBytes(1);
        await expect.poll(() => proxy.bytes(PATCH).request).toBe(SIZE / 2);
        throw failure('http-failed', 'the source is away', 'Wait.');
      },
    };
    await expect(repository.writeBlob(changed)).rejects.toMatchObject({ code: 'registry-unavailable' });
    expect(await readdir(scratch.path)).toHaveLength(1);
    await repository.writeBlob(blob);
    const sent = proxy.requests.flatMap(({ headers }) => headers['content-range'] ?? []);
    expect(sent).toEqual(['0-8388607', '4194304-8388607', '0-8388607']);
    expect(await isThere(started, blob, content)).toBe(true);
    expect(await readdir(scratch.path)).toEqual([]);
  });

  it('forgets the session of a source that is not what it says', async () => {
    await using scratch = await scratchFolder();
    const { repository, proxy } = await start('distribution', { uploads: scratch.path });
    const { descriptor } = blobFrom(randomBytes(SIZE));
    const { open } = inPieces(randomBytes(SIZE));
    await expect(repository.writeBlob({ descriptor, open })).rejects.toMatchObject({
      code: 'digest-mismatch',
    });
    expect(methods(proxy)).toEqual(['HEAD', 'POST', 'PATCH']);
    expect(await readdir(scratch.path)).toEqual([]);
  });

  it.each(['PUT', 'PATCH'])(
    'that waits to be tried again ends with the signal’s reason (%s)',
    async (method) => {
      const stop = new AbortController();
      const { proxy, repository } = await start('distribution', { signal: stop.signal });
      proxy.fault({ fault: 'answer', status: 503, headers: { 'retry-after': '30' } }, { method });
      const reason = new Error('enough');
      const blob = inPieces(randomBytes(method === 'PUT' ? 1000 : SIZE));
      const ended = repository.writeBlob(blob).catch((error: unknown) => error);
      await expect.poll(() => proxy.requests.at(-1)?.status, { interval: 5 }).toBe(503);
      stop.abort(reason);
      expect(await ended).toBe(reason);
    },
  );

  it('takes a small blob in one PUT, and finds what has been stored when a try failed', async () => {
    const started = await start('distribution');
    const content = randomBytes(1000);
    const blob = inPieces(content);
    started.proxy.fault({ fault: 'answer', status: 503, headers: { 'retry-after': '0' } }, { method: 'PUT' });
    const pushedByAnother = {
      ...blob,
      async *open() {
        await started.direct.writeBlob(blob);
        yield* blob.open();
      },
    };
    expect(await started.repository.writeBlob(pushedByAnother)).toEqual({ transferred: 1000 });
    expect(methods(started.proxy)).toEqual(['HEAD', 'POST', 'PUT', 'HEAD']);
    expect(await isThere(started, blob, content)).toBe(true);
  });
});

describe.skipIf(!available('docker-registry'))('an upload to docker-registry', () => {
  it('starts anew after a cut, and does without sessions from then on', async () => {
    const started = await start('docker-registry');
    const contents = [randomBytes(SIZE), randomBytes(SIZE)];
    started.proxy.fault({ fault: 'drop', of: 'request', afterBytes: SIZE / 2 }, PATCH);
    for (const content of contents) {
      const blob = inPieces(content);
      const { transferred } = await started.repository.writeBlob(blob);
      expect(transferred).toBeGreaterThanOrEqual(SIZE);
      expect(await isThere(started, blob, content)).toBe(true);
    }
    expect(methods(started.proxy).join(' ')).toBe('HEAD POST PATCH GET HEAD POST PUT HEAD POST PUT');
  });

  it('never sends the whole of a blob that is not what it says', async () => {
    const { proxy, repository } = await start('docker-registry');
    const { descriptor } = blobFrom(randomBytes(200_000));
    const { open } = inPieces(randomBytes(200_000));
    await expect(repository.writeBlob({ descriptor, open })).rejects.toMatchObject({
      code: 'digest-mismatch',
    });
    expect(methods(proxy).slice(0, 2)).toEqual(['HEAD', 'POST']);
    // Three pieces and a short last one, which is held back.
    expect(proxy.bytes({ method: 'PUT' }).request).toBeLessThanOrEqual(3 * 65_536);
  });

  it('that stalls is cut and made again', async () => {
    const started = await start('docker-registry');
    const content = randomBytes(SIZE);
    const blob = inPieces(content);
    started.proxy.fault({ fault: 'stall', of: 'request', afterBytes: SIZE / 2 }, PATCH);
    await started.repository.writeBlob(blob);
    expect(await isThere(started, blob, content)).toBe(true);
  });

  it.each([429, 500, 503])('is tried again after %i, and given up in the end', async (status) => {
    const started = await start('docker-registry');
    const content = randomBytes(1000);
    const blob = inPieces(content);
    const fault = { fault: 'answer', status, headers: { 'retry-after': '0' } } as const;
    started.proxy.fault(fault, { method: 'PUT', times: 4 });
    await expect(started.repository.writeBlob(blob)).rejects.toMatchObject({ code: 'registry-unavailable' });
    started.proxy.heal();
    started.proxy.fault(fault, { method: 'PUT', times: 3 });
    started.proxy.fault(fault, { method: 'POST', times: 2 });
    await started.repository.writeBlob(blob);
    expect(await isThere(started, blob, content)).toBe(true);
  });

  it('does without a session where a streamed PATCH is refused', async () => {
    const started = await start('docker-registry');
    const content = randomBytes(SIZE);
    const blob = inPieces(content);
    started.proxy.fault({ fault: 'answer', status: 405 }, { ...PATCH, times: Infinity });
    await started.repository.writeBlob(blob);
    expect(await isThere(started, blob, content)).toBe(true);
  });

  it.each([
    [401, 'registry-unauthorized'],
    [403, 'registry-denied'],
    [200, 'registry-answer-unexpected'],
  ])('that is answered with %i throws %s, and is not tried again', async (status, code) => {
    const { proxy, repository } = await start('docker-registry');
    const blob = inPieces(randomBytes(1000));
    proxy.fault({ fault: 'answer', status }, { method: 'POST', times: Infinity });
    await expect(repository.writeBlob(blob)).rejects.toMatchObject({ code });
    expect(methods(proxy)).toEqual(['HEAD', 'POST']);
  });
});
