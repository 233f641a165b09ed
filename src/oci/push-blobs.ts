import { eachAtOnce } from '../at-once.ts';
import type { BlobSource, Repository, TransferProgress } from './repository.ts';

export interface PushBlobsOptions {
  /** How many are sent at the same time; default 4. */
  concurrency?: number | undefined;
  onProgress?: ((progress: TransferProgress) => void) | undefined;
}

/**
 * Stores blobs, several at the same time, and adds up the bytes that had to move. The first failure stops the others and
 * is thrown when they have ended.
 */
export async function pushBlobs(
  repository: Repository,
  blobs: readonly BlobSource[],
  { concurrency = 4, onProgress }: PushBlobsOptions = {},
): Promise<number> {
  let transferred = 0;
  const total = blobs.reduce((sum, blob) => sum + blob.descriptor.size, 0);
  const done = new Map<BlobSource, number>();
  const tell = (blob: BlobSource, bytes: number): void => {
    done.set(blob, Math.min(bytes, blob.descriptor.size));
    onProgress?.({ bytes: [...done.values()].reduce((sum, each) => sum + each, 0), total });
  };
  await eachAtOnce(blobs, concurrency, undefined, async (blob, signal) => {
    const moved = await repository.writeBlob(watched(blob, tell), { signal });
    transferred += moved.transferred;
    tell(blob, blob.descriptor.size);
  });
  return transferred;
}

function watched(blob: BlobSource, tell: (blob: BlobSource, bytes: number) => void): BlobSource {
  return {
    ...blob,
    async *open() {
      let bytes = 0;
      for await (const chunk of blob.open()) {
        bytes += chunk.byteLength;
        tell(blob, bytes);
        yield chunk;
      }
    },
  };
}
