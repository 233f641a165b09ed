import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure } from '../errors.ts';
import { withLock } from '../folder-lock.ts';
import { storageFailure } from '../storage-failure.ts';
import { writeCacheFile } from './cache-file.ts';
import { fetchFiles } from './fetch-files.ts';
import { describeFiles } from './local-files.ts';
import { type DatasetFile, manifestBytes, manifestDigest } from './manifest.ts';
import type { RemoteStore } from './remote-store.ts';

export interface DownloadOptions {
  /** Folder of the caches. */
  cache: string;
  signal?: AbortSignal;
}

/** Longer than any download: who waits is cancelled by its user, not by a clock. */
const LOCK_LIMIT_MS = 7 * 24 * 3_600_000;
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
