import { createHash } from 'node:crypto';
import { constants, readSync } from 'node:fs';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { appendTo } from '../append-to.ts';
import { eachAtOnce } from '../at-once.ts';
import { EdgeloopError } from '../errors.ts';
import { requireRoom } from '../storage-failure.ts';
import type { DatasetFile } from './manifest.ts';
import { openPartial, type Part, type PartialDownload, type PartialFile } from './partial-download.ts';
import { notAsListed, readRange } from './read-range.ts';
import type { RemoteStore } from './remote-store.ts';

interface Fetching {
  store: RemoteStore;
  partial: PartialDownload;
  /** What is hashed goes through it; one for each file would be garbage as large as the data. */
  buffer: Buffer;
}

/** Parts of files. */
const AT_THE_SAME_TIME = 8;
const CHUNK = 256 * 1024;

/**
 * Fetches what is not in the folder of a partial download yet, and checks each file that is whole against what was
 * listed. The first failure ends the other transfers too; what came stays there for the next time, unless nobody will
 * ask for it any more. Throws `remote-changed`, `download-damaged`, `disk-full`.
 */
export async function fetchFiles(
  store: RemoteStore,
  named: readonly { file: DatasetFile; path: string[] }[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<PartialDownload> {
  await using partial = await openPartial(folder, store, named);
  const fetching = { store, partial, buffer: Buffer.allocUnsafe(CHUNK) };
  const missing = partial.files.filter((file) => !partial.isChecked(file));
  try {
    await requireRoom(folder, missingBytes(missing, partial));
    const work = missing.flatMap((file) => partsOf(fetching, file));
    await eachAtOnce(work, AT_THE_SAME_TIME, signal, (fetchOne, ends) => fetchOne(ends));
    return partial;
  } catch (error) {
    const isWorthless = error instanceof EdgeloopError && error.code === 'remote-changed';
    if (isWorthless || (await readdir(partial.root)).length === 0)
      await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function missingBytes(files: readonly PartialFile[], partial: PartialDownload): number {
  const parts = files.flatMap((file) => file.parts);
  return parts.reduce((sum, part) => sum + part.to - part.from - partial.held(part), 0);
}

/** The work on each part of a file; whoever ends the last of them checks the file. */
function partsOf(fetching: Fetching, file: PartialFile): ((signal: AbortSignal) => Promise<void>)[] {
  const isBegun = file.parts.some((part) => fetching.partial.held(part) > 0);
  let left = file.parts.length;
  return file.parts.map((part) => async (signal) => {
    await fetchPart(fetching, file, part, signal);
    left -= 1;
    if (left === 0) await checkFile(fetching, file, isBegun, signal);
  });
}

async function fetchPart(
  { store, partial }: Fetching,
  { file, target }: PartialFile,
  part: Part,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const handle = await open(target, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    const range = { from: part.from + partial.held(part), to: part.to };
    const sink = (position: number) => appendTo(handle, position, (end) => partial.grow(part, end));
    await readRange(store, file, range, sink, signal);
    await handle.sync();
    partial.keep(part);
  } finally {
    await handle.close();
  }
}

/** Compares a file that is whole with what was listed; one that an earlier process began is fetched once more. */
async function checkFile(
  fetching: Fetching,
  file: PartialFile,
  isBegun: boolean,
  signal: AbortSignal,
): Promise<void> {
  const wrong = await differenceOf(fetching, file, signal);
  if (wrong === undefined) return fetching.partial.check(file);
  fetching.partial.forget(file);
  if (!isBegun) throw notAsListed(fetching.store, file.file, wrong);
  for (const part of file.parts) await fetchPart(fetching, file, part, signal);
  await checkFile(fetching, file, false, signal);
}

async function differenceOf(
  { buffer }: Fetching,
  { file, target }: PartialFile,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const algorithm of ['sha256', 'md5'] as const) {
    const listed = file[algorithm];
    if (listed === undefined) continue;
    const found = await hashOf(target, algorithm, buffer, signal);
    if (found !== listed) return `its ${algorithm} is ${found}, not ${listed}`;
  }
  return undefined;
}

async function hashOf(file: string, algorithm: string, buffer: Buffer, signal: AbortSignal): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const hash = createHash(algorithm);
    for (;;) {
      // At once, so that all can share the buffer: what was written just now is in memory.
      const read = readSync(handle.fd, buffer);
      if (read === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, read));
      await setImmediate();
      signal.throwIfAborted();
    }
  } finally {
    await handle.close();
  }
}
