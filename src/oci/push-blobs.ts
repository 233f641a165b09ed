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
  const stop = new AbortController();
  const rest = blobs.values();
  let transferred = 0;
  const work = async (): Promise<void> => {
    for (const blob of rest) {
      if (stop.signal.aborted) return;
      try {
        const moved = await repository.writeBlob(blob, { signal: stop.signal });
        transferred += moved.transferred;
      } catch (error) {
        // The first one stays the reason.
        stop.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));
  stop.signal.throwIfAborted();
  return transferred;
}
