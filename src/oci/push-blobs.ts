import { eachAtOnce } from './at-once.ts';
import type { BlobSource, Repository } from './repository.ts';

export interface PushBlobsOptions {
  /** How many are sent at the same time; default 4. */
  concurrency?: number | undefined;
}

/**
 * Stores blobs, several at the same time, and adds up the bytes that had to move. The first failure stops the others and
 * is thrown when they have ended.
 */
export async function pushBlobs(
  repository: Repository,
  blobs: readonly BlobSource[],
  { concurrency = 4 }: PushBlobsOptions = {},
): Promise<number> {
  let transferred = 0;
  await eachAtOnce(blobs, concurrency, undefined, async (blob, signal) => {
    const moved = await repository.writeBlob(blob, { signal });
    transferred += moved.transferred;
  });
  return transferred;
}
