import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startFaultProxy } from '../../test/fakes/fault-proxy.ts';
import { blobFrom, scratchFolder } from '../../test/fixtures/oci-layout.ts';
import { available, startRegistry } from '../../test/fixtures/registries.ts';
import { openLayoutRepository } from './layout/layout.ts';
import { pushBlobs } from './push-blobs.ts';
import { openHttpRepository } from './registry/http-registry.ts';
import type { BlobSource } from './repository.ts';

/** Blobs in small pieces that know how many of them are being read. */
function watchedBlobs(
  count: number,
  pieces = 20,
): { blobs: BlobSource[]; read: { now: number; most: number } } {
  const read = { now: 0, most: 0 };
  const blobs = Array.from({ length: count }, () => {
    const content = randomBytes(pieces * 1000);
    return {
      descriptor: blobFrom(content).descriptor,
      async *open() {
        read.most = Math.max(read.most, ++read.now);
        try {
          for (let at = 0; at < content.length; at += 1000) {
            await new Promise((next) => setTimeout(next, 1));
            yield content.subarray(at, at + 1000);
          }
        } finally {
          read.now--;
        }
      },
    };
  });
  return { blobs, read };
}

/** A source that fails when it has given its first bytes. */
function failing({ descriptor, open }: BlobSource, error: Error): BlobSource {
  return {
    descriptor,
    async *open() {
      for await (const chunk of open()) {
        yield chunk;
        throw error;
      }
    },
  };
}

describe('pushBlobs', () => {
  it.each([
    [undefined, 4],
    [1, 1],
    [2, 2],
    [100, 7],
  ])('with concurrency %s reads %s at the same time, and adds up what moved', async (concurrency, most) => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const { blobs, read } = watchedBlobs(7);
    expect(await pushBlobs(repository, blobs, { concurrency })).toBe(7 * 20_000);
    expect(read).toEqual({ now: 0, most });
    expect(await pushBlobs(repository, blobs, { concurrency })).toBe(0);
    expect(await readdir(join(scratch.path, 'blobs/sha256'))).toHaveLength(7);
  });

  it('throws the first failure when all others have stopped, and leaves nothing of them in a folder', async () => {
    await using scratch = await scratchFolder();
    const { blobs, read } = watchedBlobs(9, 2000);
    const error = new Error('the file has gone');
    const sources = blobs.map((blob, index) => (index === 2 ? failing(blob, error) : blob));
    await expect(pushBlobs(openLayoutRepository(scratch.path), sources)).rejects.toBe(error);
    expect(read.now).toBe(0);
    expect(await readdir(join(scratch.path, 'blobs/sha256'))).toEqual([]);
    expect((await readdir(scratch.path)).toSorted()).toEqual(['blobs', 'oci-layout']);
  });

  it.skipIf(!available('docker-registry'))('does not wait for a registry that takes no more', async () => {
    const registry = await startRegistry('docker-registry');
    onTestFinished(() => registry.stop());
    const proxy = await startFaultProxy(registry.url);
    onTestFinished(() => proxy.stop());
    // Far longer than the test may take.
    const repository = openHttpRepository('churn', { host: proxy.host, stallMs: 600_000 });
    proxy.fault({ fault: 'stall', of: 'request', afterBytes: 100 }, { method: 'PATCH' });
    const error = new Error('the file has gone');
    const large = watchedBlobs(1, 20_000);
    const broken: BlobSource = {
      descriptor: blobFrom(Buffer.from('small')).descriptor,
      async *open() {
        yield Buffer.from('sm');
        await expect.poll(() => proxy.bytes({ method: 'PATCH' }).request).toBe(100);
        throw error;
      },
    };
    await expect(pushBlobs(repository, [...large.blobs, broken])).rejects.toBe(error);
    expect(large.read).toEqual({ now: 0, most: 1 });
  });
});
