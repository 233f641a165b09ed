import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure } from '../errors.ts';
import { withLock } from '../folder-lock.ts';
import { writeCacheFile } from './cache-file.ts';
import { type Dataset, datasetOf } from './dataset.ts';
import { describeFiles } from './local-files.ts';
import type { DatasetFile } from './manifest.ts';

/** Data that lie elsewhere. */
export interface RemoteStore {
  /** For messages, and to tell two stores apart: a URL without anything secret. */
  readonly name: string;
  /** All files, each with what tells its content apart; not a byte of them is read. */
  list(signal?: AbortSignal): Promise<DatasetFile[]>;
  /**
   * Hands over one file exactly as it was listed; `take` is called anew when a transfer is begun again. Throws
   * `remote-changed` when the store has another one there by now.
   */
  read(
    file: DatasetFile,
    take: (body: AsyncIterable<Buffer>) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
}

const AT_THE_SAME_TIME = 8;
/** Longer than any download: who waits is cancelled by its user, not by a clock. */
const LOCK_LIMIT_MS = 7 * 24 * 3_600_000;

/** Names remote data by what the store lists. Throws `dataset-empty`. */
export async function describeRemote(store: RemoteStore, signal?: AbortSignal): Promise<Dataset> {
  const files = await store.list(signal);
  if (files.length > 0) return datasetOf(files);
  throw failure('dataset-empty', `${store.name} holds no file`, 'Put the data there, or correct "data".');
}

/**
 * Downloads exactly the files that were planned into `folder`, or finds them there from an earlier time, unchanged
 * since. Each is checked against what was listed: its size, its SHA-256 or MD5 where the store tells one. Throws
 * `remote-changed`, `download-damaged`.
 */
export async function downloadRemote(
  store: RemoteStore,
  files: readonly DatasetFile[],
  folder: string,
  options: { cache: string; signal?: AbortSignal },
): Promise<string> {
  await mkdir(dirname(folder), { recursive: true });
  // Two models may be trained with the same data at once: who comes second finds what the first one fetched.
  const work = () => fetchUnlessThere(store, files, folder, options);
  return withLock(`${folder}.lock`, LOCK_LIMIT_MS, work, options.signal);
}

async function fetchUnlessThere(
  store: RemoteStore,
  files: readonly DatasetFile[],
  folder: string,
  options: { cache: string; signal?: AbortSignal },
): Promise<string> {
  const proof = `${folder}.digest`;
  const kept = await readFile(proof, 'utf8').catch(() => undefined);
  if (kept !== undefined && (await digestOf(folder, options)) === kept) return folder;
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
  try {
    await downloadAll(store, files, part, options.signal);
    await rename(part, folder);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  writeCacheFile(proof, (await digestOf(folder, options)) ?? '');
  return folder;
}

async function digestOf(
  folder: string,
  options: { cache: string; signal?: AbortSignal },
): Promise<string | undefined> {
  return describeFiles(folder, options).then(
    ({ digest }) => digest,
    () => undefined,
  );
}

/** The first failure ends the other downloads too. */
async function downloadAll(
  store: RemoteStore,
  files: readonly DatasetFile[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
  const queue = files.values();
  const worker = async (): Promise<void> => {
    for (const file of queue) await download(store, file, inside(folder, file, store), either);
  };
  const workers = Array.from({ length: AT_THE_SAME_TIME }, () =>
    worker().catch((error: unknown) => failed.abort(error)),
  );
  await Promise.all(workers);
  either.throwIfAborted();
}

async function download(
  store: RemoteStore,
  file: DatasetFile,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  await mkdir(dirname(target), { recursive: true });
  const take = async (body: AsyncIterable<Buffer>): Promise<void> => {
    const handle = await open(target, 'w');
    try {
      const digests = { sha256: createHash('sha256'), md5: createHash('md5') };
      let size = 0;
      for await (const chunk of body) {
        size += chunk.length;
        if (size > file.size) throw damaged(store, file, `more than ${file.size} bytes came`);
        digests.sha256.update(chunk);
        digests.md5.update(chunk);
        await handle.writeFile(chunk);
      }
      // A transfer that was cut is begun again; it is not for us to say that the store is wrong.
      if (size < file.size) throw new Error(`${size} of ${file.size} bytes came`);
      for (const algorithm of ['sha256', 'md5'] as const) {
        const found = digests[algorithm].digest('hex');
        const listed = file[algorithm];
        if (listed !== undefined && found !== listed)
          throw damaged(store, file, `its ${algorithm} is ${found}, not ${listed}`);
      }
    } finally {
      await handle.close();
    }
  };
  await store.read(file, take, signal);
}

/** Where a listed file is written: a store must not choose a place outside the folder. */
function inside(folder: string, { path }: DatasetFile, store: RemoteStore): string {
  const parts = path.split('/');
  const safe = !path.includes('\0') && parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (safe) return join(folder, ...parts);
  throw failure(
    'remote-path-unsafe',
    `${store.name} lists the path ${JSON.stringify(path)}, which would leave the folder`,
    'Correct the listing.',
  );
}

function damaged(store: RemoteStore, { path }: DatasetFile, what: string): Error {
  return failure(
    'download-damaged',
    `${store.name}: ${path} is not what was listed: ${what}`,
    'Bring listing and data into agreement, then run it again.',
  );
}
