import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { openLayoutRepository, packModel, pushModel } from '../../src/oci/index.ts';
import type { Run } from './benchmark.ts';
import type { Transfer } from './registry-tools.ts';

/** A folder with weights that nothing can compress, and the same as a layout. */
export async function prepareModel(
  run: Run,
  bytes: number,
): Promise<Pick<Transfer, 'folder' | 'layout' | 'blob'>> {
  const folder = join(run.scratch, 'model');
  const layout = join(run.scratch, 'layout');
  await mkdir(folder);
  await writeWeights(join(folder, 'weights.bin'), bytes);
  const packed = await packModel(folder, { model: 'bench' });
  await pushModel(openLayoutRepository(layout), packed, { tag: 'latest' });
  const blob = packed.blobs.at(-1)?.descriptor.digest ?? '';
  return { folder, layout, blob };
}

async function writeWeights(file: string, bytes: number): Promise<void> {
  await using handle = await open(file, 'w');
  const block = randomBytes(Math.min(bytes, 1e6));
  for (let at = 0; at < bytes; at += block.length) {
    // No block like another one.
    createHash('sha256').update(String(at)).digest().copy(block);
    await handle.write(block.subarray(0, Math.min(block.length, bytes - at)));
  }
}
