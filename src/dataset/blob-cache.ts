import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCacheFile } from './cache-file.ts';

/** What the content of a stored file is. */
export interface KnownBlob {
  sha256: string;
  size: number;
  /** A Git LFS pointer: digest and size are those of what it stands for. */
  pointer: boolean;
}

/** What was read of stored files before, by object id. An id stands for its content, so nothing here grows old. */
export type BlobCache = ReadonlyMap<string, KnownBlob>;

/** Beyond these the oldest are forgotten: a data set that changes every day must not fill the disk. */
const KEPT = 500_000;

/*
 * A cache file: the SHA-256 of what follows, a line feed; then a line for each object: its id, SHA-256, size, and
 * whether it is a pointer.
 */
const SUM = 64;

export function openBlobCache(folder: string): BlobCache {
  const known = new Map<string, KnownBlob>();
  for (const line of readLines(fileIn(folder))) {
    const [object = '', sha256 = '', size, pointer] = line.split(' ');
    known.set(object, { sha256, size: Number(size), pointer: pointer === '1' });
  }
  return known;
}

/** Remembers what was read besides. */
export function saveBlobCache(folder: string, known: BlobCache, fresh: BlobCache): void {
  const all = [...known, ...fresh].slice(-KEPT);
  const lines = all.map(
    ([object, { sha256, size, pointer }]) => `${object} ${sha256} ${size} ${pointer ? 1 : 0}\n`,
  );
  const body = lines.join('');
  writeCacheFile(fileIn(folder), `${hash('sha256', body)}\n${body}`);
}

const fileIn = (folder: string): string => join(folder, 'blobs');

function readLines(file: string): string[] {
  try {
    const text = readFileSync(file, 'latin1');
    const body = text.slice(SUM + 1);
    return hash('sha256', body) === text.slice(0, SUM) ? body.split('\n').slice(0, -1) : [];
  } catch {
    return [];
  }
}
