import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, asyncProperty, boolean, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DatasetFile, downloadRemote, type RemoteStore } from './index.ts';

const MB = 1024 * 1024;
const CONTENTS = new Map<string, Buffer>([
  ['empty.csv', Buffer.alloc(0)],
  ...Array.from({ length: 12 }, (_, index) => [`small/${index}.csv`, randomBytes(70_001)] as const),
  ['one part.bin', randomBytes(16 * MB)],
  ['parts.bin', randomBytes(2 * 16 * MB + 1)],
]);
const FILES = [...CONTENTS].map(([path, content]): DatasetFile => {
  const sha256 = createHash('sha256').update(content).digest('hex');
  // Every other one has nothing that its content could be checked with.
  const size = content.length;
  return size % 2 === 0 ? { path, size, sha256 } : { path, size, etag: 'e' };
});
const TOTAL = FILES.reduce((sum, { size }) => sum + size, 0);

/** A store over a line that breaks each transfer after some bytes, and everything after some more; it counts them. */
function openLine(ranges: boolean, cutAfter: number, endAfter: number) {
  let sent = 0;
  const stop = new AbortController();
  const store: RemoteStore = {
    name: 'memory:',
    ranges,
    list: () => Promise.resolve(FILES),
    async read(file, { from, to }, take, signal) {
      const content = CONTENTS.get(file.path)?.subarray(from, to) ?? Buffer.alloc(0);
      const body = async function* (): AsyncGenerator<Buffer> {
        let length = 99_991;
        for (let at = 0; at < content.length; at += length) {
          await new Promise(setImmediate);
          signal?.throwIfAborted();
          if (at > cutAfter) throw new Error('the line was cut');
          length = Math.min(length, content.length - at);
          sent += length;
          yield content.subarray(at, at + length);
          if (sent > endAfter) stop.abort(new RangeError('stopped'));
        }
      };
      await take(body(), from);
    },
  };
  return { store, signal: stop.signal, sent: () => sent };
}

describe('downloadRemote', () => {
  it('never fetches a byte twice, wherever and however often it is stopped', async () => {
    const property = asyncProperty(
      array(integer({ min: 0, max: TOTAL }), { minLength: 1, maxLength: 4 }),
      boolean(),
      async (ends, ranges) => {
        const place = mkdtempSync(join(tmpdir(), 'edgeloop-download-'));
        const folder = join(place, 'data');
        let fetched = 0;
        for (const end of [...ends, Infinity]) {
          const { store, signal, sent } = openLine(ranges, 7 * MB, end);
          const download = downloadRemote(store, FILES, folder, { cache: join(place, 'cache'), signal });
          const error: unknown = await download.then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          expect(error === undefined || error instanceof RangeError).toBe(true);
          fetched += sent();
        }
        for (const [path, content] of CONTENTS)
          expect(readFileSync(join(folder, path)).equals(content)).toBe(true);
        expect(fetched).toBe(TOTAL);
        expect(readdirSync(place).filter((name) => name.includes('part'))).toEqual([]);
      },
    );
    await expect(assert(property, { numRuns: 5 })).resolves.toBeUndefined();
  });
});
