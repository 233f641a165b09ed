import { appendFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { array, assert, asyncProperty, integer } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLayoutRepository } from '../layout/layout.ts';
import { packModel, pushModel, type TransferSummary } from '../model/modelpack.ts';
import type { Repository } from '../repository.ts';
import { pullModel } from './pull-model.ts';
import { scratchFolder, writeFiles } from '../../../test/fixtures/oci-layout.ts';

/** Lengths around a tar's blocks, names that need an extended header, and weights of many chunks. */
const FILES: Record<string, string> = {
  'edgeloop.json': '{}',
  'empty.txt': '',
  'block.txt': 'b'.repeat(512),
  'more.txt': 'm'.repeat(513),
  [`${'long-folder-name/'.repeat(9)}file.txt`]: 'deep',
  'model.onnx': Array.from({ length: 9000 }, (_, index) => `weight ${index}`).join(),
  'model.onnx.data': 'x'.repeat(70_001),
};

interface Scene extends AsyncDisposable {
  repository: Repository;
  digest: string;
  /** Bytes of the layers. */
  total: number;
  target: string;
  partial: string;
  pull(repository: Repository, concurrency?: number): Promise<TransferSummary>;
}

async function scene(): Promise<Scene> {
  const scratch = await scratchFolder();
  const repository = openLayoutRepository(join(scratch.path, 'layout'));
  const packed = await packModel(await writeFiles(join(scratch.path, 'model'), FILES), { model: 'churn' });
  const { digest } = await pushModel(repository, packed);
  const target = join(scratch.path, 'device', 'churn');
  return {
    repository,
    digest,
    total: packed.blobs.slice(1).reduce((sum, blob) => sum + blob.descriptor.size, 0),
    target,
    partial: join(scratch.path, 'device', '.churn.partial'),
    pull: (from, concurrency = 4) => pullModel(from, digest, target, { concurrency }),
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

/** The same repository over a line that is cut after some bytes, and counts them. */
function cutAfter(repository: Repository, bytes: number): { line: Repository; sent: () => number } {
  let sent = 0;
  const line: Repository = {
    ...repository,
    async *readBlob(descriptor, options = {}) {
      let beginning = 0;
      const counted = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of options.beginning ?? []) {
          beginning += chunk.byteLength;
          yield chunk;
        }
      };
      for await (const chunk of repository.readBlob(descriptor, { ...options, beginning: counted() })) {
        // Small pieces, of another length than anything in the tar.
        for (let from = 0; from < chunk.byteLength; from += 997) {
          const piece = chunk.subarray(from, from + 997);
          const fetched = Math.max(piece.byteLength - beginning, 0);
          beginning = Math.max(beginning - piece.byteLength, 0);
          if (sent + fetched > bytes) throw new RangeError('the line was cut');
          sent += fetched;
          yield piece;
        }
      }
    },
  };
  return { line, sent: () => sent };
}

async function expectWhole({ target }: Scene): Promise<void> {
  for (const [name, content] of Object.entries(FILES))
    expect(await readFile(join(target, name), 'utf8')).toBe(content);
}

describe('pullModel after an interruption', () => {
  it('never fetches a file twice, wherever and however often the line is cut', async () => {
    const property = asyncProperty(
      array(integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 5 }),
      integer({ min: 1, max: 4 }),
      async (cuts, concurrency) => {
        await using at = await scene();
        let fetched = 0;
        for (const cut of cuts) {
          const { line, sent } = cutAfter(at.repository, cut);
          await at.pull(line, concurrency).catch(() => undefined);
          fetched += sent();
        }
        const last = await at.pull(at.repository, concurrency);
        await expectWhole(at);
        expect(await readdir(join(at.target, '..'))).toEqual(['churn']);
        // Beyond files only padding and headers, of each layer that was cut, come again.
        const again = fetched + last.transferred - at.total;
        expect(again).toBeLessThan((cuts.length + 1) * 4 * 8192);
      },
    );
    await expect(assert(property, { numRuns: 40 })).resolves.toBeUndefined();
  });

  it.each<[string, (at: Scene) => Promise<void>]>([
    [
      'a journal whose last line is torn',
      (at) => appendFile(join(at.partial, 'layers/2.jsonl'), '{"raw":"AAA'),
    ],
    ['a journal that is no journal', (at) => writeFile(join(at.partial, 'layers/2.jsonl'), '{"raw":1}\n')],
    ['a file that lost its content', (at) => writeFile(join(at.partial, 'files/model.onnx'), '')],
    ['a file of zeros', (at) => writeFile(join(at.partial, 'files/model.onnx'), Buffer.alloc(60_000))],
    [
      'a file that is too long',
      (at) => writeFile(join(at.partial, 'files/model.onnx'), Buffer.alloc(900_000)),
    ],
    ['small files that lost their content', (at) => truncate(join(at.partial, 'files/block.txt'), 10)],
    [
      'what belongs to another model',
      (at) => writeFile(join(at.partial, 'digest'), `sha256:${'00'.repeat(32)}`),
    ],
  ])('ends well with %s', async (_, damage) => {
    await using at = await scene();
    const cut = at.pull(cutAfter(at.repository, 80_000).line, 1);
    await expect(cut).rejects.toThrow('the line was cut');
    await damage(at);
    await at.pull(at.repository, 1);
    await expectWhole(at);
  });

  it('leaves the target alone until everything is there', async () => {
    await using at = await scene();
    await expect(at.pull(cutAfter(at.repository, at.total - 1).line)).rejects.toThrow('the line was cut');
    expect(await readdir(join(at.target, '..'))).toEqual(['.churn.partial']);
  });
});
