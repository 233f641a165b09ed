import { createReadStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isSystemError } from '../../errors.ts';
import { checkDigest, type Descriptor } from '../descriptor.ts';
import { continued, verified } from '../digest.ts';
import { replaceFile } from '../durable-file.ts';
import { storageFailure } from '../../storage-failure.ts';
import type { BlobSource, ReadBlobOptions } from '../repository.ts';

const CHUNK = 128 * 1024;

/** Prefix of unfinished files in a layout. */
export const INCOMING_PREFIX = '.incoming-';
const CHANGED = 'Check that nothing changes the files while they are read, and run it again.';

/** The path of a blob inside its layout. Throws a misuse for what is not a digest, so that no path can be smuggled in. */
export function blobPath(digest: string): string {
  checkDigest(digest);
  return join('blobs', 'sha256', digest.slice('sha256:'.length));
}

/** A blob's length in bytes; `undefined` when it is not there. */
export async function blobSize(folder: string, digest: string): Promise<number | undefined> {
  try {
    const found = await stat(join(folder, blobPath(digest)));
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Streams a blob and checks it; `blob-missing` and `digest-mismatch` name the file and the remedy. */
export async function* readBlobFile(
  folder: string,
  descriptor: Descriptor,
  { beginning, signal }: ReadBlobOptions = {},
): AsyncIterable<Uint8Array> {
  const file = join(folder, blobPath(descriptor.digest));
  // Opening a pipe would wait for ever, reading a folder fails as nothing that a caller knows.
  if ((await blobSize(folder, descriptor.digest)) === undefined) throw blobMissing(folder, descriptor.digest);
  const stream = continued(beginning, (start) =>
    createReadStream(file, { start, highWaterMark: CHUNK, ...(signal && { signal }) }),
  );
  try {
    yield* verified(stream, descriptor, file, `Delete ${file} and push again what belongs there.`);
  } catch (error) {
    throw isSystemError(error, 'ENOENT', 'ENOTDIR') ? blobMissing(folder, descriptor.digest, error) : error;
  }
}

/** Stores a blob under its digest: checked while it streams, synced, and only then given its name. */
export async function writeBlobFile(
  folder: string,
  source: BlobSource,
  signal?: AbortSignal,
): Promise<{ transferred: number }> {
  const { digest, size } = source.descriptor;
  // A file of another length is a damaged one; writing it again mends it.
  if ((await blobSize(folder, digest)) === size) return { transferred: 0 };
  const path = blobPath(digest);
  const stream = untilAborted(source.open(), signal);
  const checked = verified(stream, { digest, size }, `what was to become ${path}`, CHANGED);
  await replaceFile(folder, path, checked, INCOMING_PREFIX);
  return { transferred: size };
}

async function* untilAborted(
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

/** Creates a layout's folders and its `oci-layout` file unless they are there. */
export async function prepareLayout(folder: string): Promise<void> {
  try {
    await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
    const handle = await open(join(folder, 'oci-layout'), 'wx');
    try {
      await handle.writeFile('{"imageLayoutVersion":"1.0.0"}');
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isSystemError(error, 'EEXIST') && (await isFolder(join(folder, 'blobs', 'sha256')))) return;
    throw storageFailure(error, folder);
  }
}

/** The failure for a blob that should be there. */
export function blobMissing(folder: string, digest: string, cause?: unknown): Error {
  return failure(
    'blob-missing',
    `${join(folder, blobPath(digest))} does not exist`,
    'Push again what belongs there, or restore the file from a copy.',
    cause === undefined ? undefined : { cause },
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
