import { createHash, hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../errors.ts';
import { unreadable } from './list-files.ts';
import { readLfsPointer } from './pointers.ts';

/** What was read of a file, and the stamp that it had meanwhile. */
export interface HashedFile {
  sha256: string;
  size: number;
  /** True for a Git LFS pointer: digest and size are those of the content, which is not here. */
  absent: boolean;
  stamp: Stamp;
}

/** Changes whenever a file is written, replaced or renamed over, but for the limits of the clock that stamps it. */
export type Stamp = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs' | 'ino'>;

/** Files up to this are read at once: for many small ones that is several times faster than a stream for each. */
const AT_ONCE = 1024 * 1024;
const CHUNK = 1024 * 1024;
const ATTEMPTS = 3;
const PAUSE_MS = 100;

/** What a file's stamp is, without all that is known of it besides. */
export function stampOf({ size, mtimeMs, ctimeMs, ino }: Stats): Stamp {
  return { size, mtimeMs, ctimeMs, ino };
}

function sameStamp(a: Stats, b: Stats): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.ino === b.ino;
}

/**
 * Reads and hashes a file. One that changes meanwhile is read again, three times at most. Throws `dataset-changing`,
 * `dataset-unreadable` or the signal's reason.
 */
export async function hashFile(file: string, signal?: AbortSignal): Promise<HashedFile> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    signal?.throwIfAborted();
    const read = await readOnce(file, signal).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw unreadable(file, error);
    });
    if (read !== undefined) return read;
    await sleep(PAUSE_MS);
  }
  throw failure(
    'dataset-changing',
    `${file} was written each of the ${ATTEMPTS} times that it was read`,
    'Wait until whatever writes it has ended, and run it again.',
  );
}

/** `undefined` when the file was written while it was read. */
async function readOnce(file: string, signal?: AbortSignal): Promise<HashedFile | undefined> {
  const small = readSmall(file);
  return small === 'large' ? readLarge(file, signal) : small;
}

function readSmall(file: string): HashedFile | 'large' | undefined {
  const descriptor = openSync(file, 'r');
  try {
    const before = fstatSync(descriptor);
    if (before.size > AT_ONCE) return 'large';
    // One byte more, so that a file that has grown is seen.
    const bytes = Buffer.allocUnsafe(before.size + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < before.size; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, length);
    const content = bytes.subarray(0, length);
    const after = fstatSync(descriptor);
    if (length !== before.size || !sameStamp(before, after)) return undefined;
    const pointer = readLfsPointer(content);
    return {
      ...(pointer ?? { sha256: hash('sha256', content), size: length }),
      absent: pointer !== undefined,
      stamp: stampOf(after),
    };
  } finally {
    closeSync(descriptor);
  }
}

async function readLarge(file: string, signal?: AbortSignal): Promise<HashedFile | undefined> {
  const handle = await open(file, 'r');
  try {
    const before = await handle.stat();
    const digest = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK);
    let size = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, CHUNK, size);
      if (bytesRead === 0) break;
      digest.update(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
    const after = await handle.stat();
    if (size !== before.size || !sameStamp(before, after)) return undefined;
    return { sha256: digest.digest('hex'), size, absent: false, stamp: stampOf(after) };
  } finally {
    await handle.close();
  }
}
