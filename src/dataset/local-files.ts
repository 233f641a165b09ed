import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { failure, isSystemError, misuse } from '../errors.ts';
import { type Dataset, datasetOf } from './dataset.ts';
import { hashFile, type HashedFile, stampOf } from './hash-file.ts';
import { listFiles, unreadable } from './list-files.ts';
import type { DatasetFile } from './manifest.ts';
import { openStatCache, saveStatCache, type StatCache } from './stat-cache.ts';

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
  const files: DatasetFile[] = [];
  const absent: string[] = [];
  checkNames(roots);
  for (const root of roots) {
    const read = await readRoot(root, options);
    const prefix = roots.length > 1 && !read.single ? `${basename(root)}/` : '';
    for (const file of read.files) files.push({ ...file, path: `${prefix}${file.path}` });
    for (const name of read.absent) absent.push(`${prefix}${name}`);
  }
  return datasetOf(files, absent);
}

interface RootRead {
  single: boolean;
  files: DatasetFile[];
  absent: string[];
}

async function readRoot(root: string, { cache, signal }: ReadOptions): Promise<RootRead> {
  const { single, files: listed, recorded } = await listFiles(root);
  if (listed.length + recorded.length === 0) {
    throw failure(
      'dataset-empty',
      `${root} holds no file`,
      'Put the data there, or correct the path in edgeloop.yaml.',
    );
  }
  const startedMs = Date.now();
  const known = cache === undefined ? undefined : openStatCache(cache, root, startedMs);
  const read = new Map<string, HashedFile>();
  let fresh = 0;
  for (const [index, { path, file }] of listed.entries()) {
    if (index % TURN === 0) {
      await nextTurn();
      signal?.throwIfAborted();
    }
    const remembered = known === undefined ? undefined : remember(known, path, file);
    if (remembered === undefined) fresh++;
    read.set(path, remembered ?? (await hashFile(file, signal)));
  }
  if (cache !== undefined && fresh > 0) saveStatCache(cache, root, read, startedMs);
  const hashed = [...read].map(([path, { sha256, size }]) => ({ path, sha256, size }));
  return {
    single,
    files: [...hashed, ...recorded],
    absent: [...read].filter(([, { absent }]) => absent).map(([path]) => path),
  };
}

function remember(known: StatCache, path: string, file: string): HashedFile | undefined {
  try {
    const stats = lstatSync(file);
    const found = known.find(path, stats);
    return found && { ...found, stamp: stampOf(stats) };
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
