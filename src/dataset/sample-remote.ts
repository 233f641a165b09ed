import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { appendTo } from '../append-to.ts';
import { downloadRemote } from './download.ts';
import type { DatasetFile } from './manifest.ts';
import { type ByteSink, readRange } from './read-range.ts';
import type { RemoteStore } from './remote-store.ts';

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
  const handle = await open(target, 'w');
  try {
    let lastLine = 0;
    const sink = (position: number): ByteSink => {
      const { add, flush } = appendTo(handle, position);
      let end = position;
      return {
        async add(chunk) {
          const newline = chunk.lastIndexOf(0x0a);
          if (newline >= 0) lastLine = end + newline + 1;
          end += chunk.length;
          await add(chunk);
        },
        flush,
      };
    };
    await readRange(store, file, { from: 0, to: Math.min(bytes, file.size) }, sink, signal);
    await handle.truncate(lastLine);
  } finally {
    await handle.close();
  }
  return target;
}
