import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { failure, isSystemError, misuse } from '../errors.ts';
import { type Dataset, datasetOf } from './dataset.ts';
import { hashFile, type HashedFile, type Stamp, stampOf } from './hash-file.ts';
import { listFiles, type Listing, unreadable } from './list-files.ts';
import type { DatasetFile } from './manifest.ts';
import { openStatCache, saveStatCache, type StatCache, type Summary } from './stat-cache.ts';

export interface ReadOptions {
  /** Folder of the caches; without one everything is read. */
  cache?: string;
  signal?: AbortSignal;
}

/** Files between two looks at the signal. */
const TURN = 500;

/**
 * Names files and folders by their manifest, as they lie on this machine (docs/input-key.md). One path lists its files
 * relative to itself, a single file under its base name; several list each under its own base name. What was read
 * before and has not changed since is not read again. Throws `dataset-missing`, `dataset-empty`, `dataset-unreadable`,
 * `dataset-changing`, `dataset-not-a-file`, `dataset-names-clash`; the signal's reason when it is cancelled.
 */
export async function describeFiles(
  path: string | readonly string[],
  options: ReadOptions = {},
): Promise<Dataset> {
  const roots = typeof path === 'string' ? [path] : path;
  checkNames(roots);
  const [only] = roots;
  if (only !== undefined && roots.length === 1) return describeRoot(only, options);
  const files: DatasetFile[] = [];
  const absent: string[] = [];
  for (const root of roots) {
    const read = await readRoot(root, await listRoot(root), options);
    const prefix = read.single ? '' : `${basename(root)}/`;
    for (const file of read.files) files.push({ ...file, path: `${prefix}${file.path}` });
    for (const name of read.absent) absent.push(`${prefix}${name}`);
  }
  return datasetOf(files, absent);
}

/** One path: when all of its files are known and none has changed, so is what they add up to. */
async function describeRoot(root: string, options: ReadOptions): Promise<Dataset> {
  const listing = await listRoot(root);
  const read = async () => {
    const { files, absent } = await readRoot(root, listing, options);
    return datasetOf(files, absent);
  };
  const { cache } = options;
  const summary =
    cache === undefined ? undefined : await unchangedSummary(root, listing, { ...options, cache });
  if (summary === undefined) return read();
  const { digest, bytes, absent } = summary;
  const manifest = async () => {
    const now = await read();
    if (now.digest === digest) return now.manifest();
    throw failure(
      'dataset-changing',
      `${root} has changed since it was named ${digest}`,
      'Leave the data alone while a command runs, and run it again.',
    );
  };
  return { digest, files: listing.files.length, bytes, absent, manifest };
}

async function unchangedSummary(
  root: string,
  { files, recorded }: Listing,
  { cache, signal }: ReadOptions & { cache: string },
): Promise<Summary | undefined> {
  if (recorded.length > 0) return undefined;
  const known = openStatCache(cache, root, Date.now());
  if (known.summary === undefined || known.count !== files.length) return undefined;
  for (const [index, { path, file }] of files.entries()) {
    if (index % TURN === 0) await nextTurn();
    signal?.throwIfAborted();
    const stamp = stampNow(file);
    if (stamp === undefined || !known.isNext(path, stamp)) return undefined;
  }
  return known.summary;
}

async function listRoot(root: string): Promise<Listing> {
  const listing = await listFiles(root);
  if (listing.files.length + listing.recorded.length > 0) return listing;
  throw failure(
    'dataset-empty',
    `${root} holds no file`,
    'Put the data there, or correct the path in edgeloop.yaml.',
  );
}

interface RootRead {
  single: boolean;
  files: DatasetFile[];
  absent: string[];
}

async function readRoot(
  root: string,
  { single, files: listed, recorded }: Listing,
  { cache, signal }: ReadOptions,
): Promise<RootRead> {
  const startedMs = Date.now();
  const known = cache === undefined ? undefined : openStatCache(cache, root, startedMs);
  const read = new Map<string, HashedFile>();
  let fresh = 0;
  for (const [index, { path, file }] of listed.entries()) {
    if (index % TURN === 0) await nextTurn();
    signal?.throwIfAborted();
    const remembered = known === undefined || known.count === 0 ? undefined : remember(known, path, file);
    if (remembered === undefined) fresh++;
    read.set(path, remembered ?? (await hashFile(file, signal)));
  }
  const hashed = [...read].map(([path, { sha256, size }]) => ({ path, sha256, size }));
  const absent = [...read].filter(([, file]) => file.absent).map(([path]) => path);
  if (cache !== undefined && (fresh > 0 || known?.count !== read.size)) {
    const { digest, bytes } = datasetOf(hashed);
    saveStatCache(cache, root, read, { digest, bytes, absent }, startedMs);
  }
  return { single, files: [...hashed, ...recorded], absent };
}

function remember(known: StatCache, path: string, file: string): HashedFile | undefined {
  const stamp = stampNow(file);
  const found = stamp && known.find(path, stamp);
  return stamp && found && { ...found, stamp };
}

/** `undefined` for a file that is gone. */
function stampNow(file: string): Stamp | undefined {
  try {
    return stampOf(lstatSync(file));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw unreadable(file, error);
  }
}

/** Several paths share one folder of names. */
function checkNames(roots: readonly string[]): void {
  const names = roots.map((root) => basename(root));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw misuse(
    'dataset-names-clash',
    `two of the paths ${roots.join(', ')} end in "${twice}", so their files could not be told apart`,
    'Rename one of them, or name the folder above them.',
  );
}
