import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DatasetFile } from './manifest.ts';
import { downloadRemote, type RemoteStore } from './remote-store.ts';

/** Files of a remote dataset that were fetched to be looked at. */
export interface RemoteSample {
  folder: string;
  /** Absolute paths. */
  files: string[];
  /** False when it is all of the data. */
  sampled: boolean;
}

/** A text table that may be cut after any line. */
const LINES = /\.(csv|jsonl|ndjson)$/i;

/**
 * Fetches whole files of a dataset up to `bytes` together, the same ones every time (in the order of their paths'
 * SHA-256), or, when not one is that small, the first lines of one. Empty when there is nothing that can be cut.
 */
export async function sampleRemote(
  store: RemoteStore,
  files: readonly DatasetFile[],
  folder: string,
  { bytes, cache, signal }: { bytes: number; cache: string; signal?: AbortSignal },
): Promise<RemoteSample> {
  const order = new Map(files.map(({ path }) => [path, createHash('sha256').update(path).digest('hex')]));
  const shuffled = files.toSorted((a, b) => ((order.get(a.path) ?? '') < (order.get(b.path) ?? '') ? -1 : 1));
  let left = bytes;
  const whole = shuffled.filter(({ size }) => {
    if (size > left) return false;
    left -= size;
    return true;
  });
  if (whole.length > 0) {
    await downloadRemote(store, whole, folder, { cache, ...(signal && { signal }) });
    const paths = whole.map(({ path }) => join(folder, ...path.split('/')));
    return { folder, files: paths.toSorted(), sampled: whole.length < files.length };
  }
  const first = shuffled.find(({ path }) => LINES.test(path));
  if (first === undefined) return { folder, files: [], sampled: true };
  return { folder, files: [await firstLines(store, first, folder, bytes, signal)], sampled: true };
}

async function firstLines(
  store: RemoteStore,
  file: DatasetFile,
  folder: string,
  bytes: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const target = join(folder, basename(file.path));
  const take = async (body: AsyncIterable<Buffer>): Promise<void> => {
    const handle = await open(target, 'w');
    try {
      let [size, lastLine] = [0, 0];
      for await (const chunk of body) {
        const end = chunk.lastIndexOf(0x0a);
        if (end >= 0) lastLine = size + end + 1;
        size += chunk.length;
        await handle.writeFile(chunk);
        if (size >= bytes) break;
      }
      await handle.truncate(lastLine);
    } finally {
      await handle.close();
    }
  };
  await store.read(file, take, signal);
  return target;
}
