import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { appendTo } from '../append-to.ts';
import { eachAtOnce } from '../at-once.ts';
import { EdgeloopError, failure } from '../errors.ts';
import { withLock } from '../folder-lock.ts';
import { requireRoom, storageFailure } from '../storage-failure.ts';
import { writeCacheFile } from './cache-file.ts';
import { describeFiles } from './local-files.ts';
import { type DatasetFile, manifestBytes, manifestDigest } from './manifest.ts';
import { openPartial, type Part, type PartialDownload, type PartialFile } from './partial-download.ts';
import { notAsListed, readRange } from './read-range.ts';
import type { RemoteStore } from './remote-store.ts';

export interface DownloadOptions {
  /** Folder of the caches. */
  cache: string;
  signal?: AbortSignal;
}

const AT_THE_SAME_TIME = 8;
/** Longer than any download: who waits is cancelled by its user, not by a clock. */
const LOCK_LIMIT_MS = 7 * 24 * 3_600_000;
const CHUNK = 256 * 1024;
/** After these nothing of what came is of use to anyone. */
const WORTHLESS: ReadonlySet<string> = new Set(['remote-changed']);

/**
 * Downloads exactly the files that were planned into `folder`, or finds them there from an earlier time, unchanged
 * since. Each is checked against what was listed: its size, its SHA-256 or MD5 where the store tells one. `folder` is
 * whole or not there; what an interrupted download leaves beside it the next one does not fetch again. Throws
 * `remote-changed`, `download-damaged`, `disk-full`.
 */
export async function downloadRemote(
  store: RemoteStore,
  files: readonly DatasetFile[],
  folder: string,
  options: DownloadOptions,
): Promise<string> {
  const named = files.map((file) => ({ file, path: safePath(file, store) }));
  const work = async (): Promise<void> => {
    const plan = manifestDigest(manifestBytes(files));
    const proof = `${folder}.digest`;
    if (await isThere(folder, proof, plan, options)) return;
    await rm(folder, { recursive: true, force: true });
    const partial = await fetchFiles(store, named, `${folder}.part`, options.signal);
    // Before the folder has its name: whoever is killed between the two has it yet to name.
    writeCacheFile(proof, `${plan} ${await digestOf(partial.root, options.signal)}`);
    await rename(partial.root, folder);
    await rm(partial.folder, { recursive: true, force: true });
  };
  try {
    await mkdir(dirname(folder), { recursive: true });
    // Two models may be trained with the same data at once: who comes second finds what the first one fetched.
    await withLock(`${folder}.lock`, LOCK_LIMIT_MS, work, options.signal);
  } catch (error) {
    throw storageFailure(error, folder);
  }
  return folder;
}

/** Where a listed file is written: a store must not choose a place outside the folder. */
function safePath({ path }: DatasetFile, store: RemoteStore): string[] {
  const parts = path.split('/');
  const safe = !path.includes('\0') && parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (safe) return parts;
  throw failure(
    'remote-path-unsafe',
    `${store.name} lists the path ${JSON.stringify(path)}, which would leave the folder`,
    'Correct the listing.',
  );
}

/** Whether the folder holds what was planned, and nobody has touched it since it was checked. */
async function isThere(
  folder: string,
  proof: string,
  plan: string,
  { cache, signal }: DownloadOptions,
): Promise<boolean> {
  const [planned, digest] = (await readFile(proof, 'utf8').catch(() => '')).split(' ');
  return planned === plan && digest !== '' && (await digestOf(folder, signal, cache)) === digest;
}

async function digestOf(folder: string, signal: AbortSignal | undefined, cache?: string): Promise<string> {
  try {
    const options = { ...(cache !== undefined && { cache }), ...(signal && { signal }) };
    return (await describeFiles(folder, options)).digest;
  } catch {
    signal?.throwIfAborted();
    return '';
  }
}

/** Fetches what is not there yet; the first failure ends the other downloads too. */
async function fetchFiles(
  store: RemoteStore,
  named: readonly { file: DatasetFile; path: string[] }[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<PartialDownload> {
  await using partial = await openPartial(folder, store, named);
  try {
    const missing = partial.files.filter((file) => !partial.isChecked(file));
    const parts = missing.flatMap((file) => file.parts);
    await requireRoom(
      folder,
      parts.reduce((sum, part) => sum + part.to - part.from - partial.held(part), 0),
    );
    const work = missing.flatMap((file) => {
      const began = file.parts.some((part) => partial.held(part) > 0);
      const last = countdown(file.parts.length);
      return file.parts.map((part) => async (ends: AbortSignal) => {
        await fetchPart(store, partial, file, part, ends);
        if (last()) await checkFile(store, partial, file, began, ends);
      });
    });
    await eachAtOnce(work, AT_THE_SAME_TIME, signal, (each, ends) => each(ends));
    return partial;
  } catch (error) {
    const isWorthless = error instanceof EdgeloopError && WORTHLESS.has(error.code);
    if (isWorthless || (await readdir(partial.root)).length === 0)
      await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** True when it is called for the last time of so many. */
function countdown(left: number): () => boolean {
  return () => --left === 0;
}

async function fetchPart(
  store: RemoteStore,
  partial: PartialDownload,
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
  store: RemoteStore,
  partial: PartialDownload,
  file: PartialFile,
  began: boolean,
  signal: AbortSignal,
): Promise<void> {
  const wrong = await differenceOf(file, signal);
  if (wrong === undefined) return partial.check(file);
  partial.forget(file);
  if (!began) throw notAsListed(store, file.file, wrong);
  for (const part of file.parts) await fetchPart(store, partial, file, part, signal);
  await checkFile(store, partial, file, false, signal);
}

async function differenceOf({ file, target }: PartialFile, signal: AbortSignal): Promise<string | undefined> {
  for (const algorithm of ['sha256', 'md5'] as const) {
    const listed = file[algorithm];
    if (listed === undefined) continue;
    const found = await hashOf(target, algorithm, signal);
    if (found !== listed) return `its ${algorithm} is ${found}, not ${listed}`;
  }
  return undefined;
}

async function hashOf(file: string, algorithm: string, signal: AbortSignal): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, CHUNK);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
