import { EdgeloopError, failure } from '../errors.ts';
import { retryWaitMs } from '../http.ts';
import { pause } from '../pause.ts';
import type { DatasetFile } from './manifest.ts';
import type { ByteRange, RemoteStore } from './remote-store.ts';

/** Takes bytes one after the other; `flush` resolves when all are where they belong. */
export interface ByteSink {
  add(bytes: Uint8Array): Promise<void>;
  flush(): Promise<void>;
}

/** How often a transfer is begun again that brought nothing before it was cut. */
const VAIN_TRIES = 4;

/**
 * Reads a range of a file into a sink, which is opened for each try at the position where its bytes begin; a transfer
 * that is cut goes on where it was. Throws `download-damaged` when more comes than the file has, `http-failed` when
 * nothing comes any more, and what the store or a sink throws.
 */
export async function readRange(
  store: RemoteStore,
  file: DatasetFile,
  { from, to }: ByteRange,
  open: (position: number) => ByteSink,
  signal?: AbortSignal,
): Promise<void> {
  let at = from;
  let refused: { error: unknown } | undefined;
  /** What the sink throws says nothing of the transfer. */
  const sunk = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      refused ??= { error };
      throw error;
    }
  };
  const take = async (body: AsyncIterable<Buffer>, first: number): Promise<void> => {
    at = first;
    const sink = open(first);
    try {
      for await (const chunk of body) {
        if (chunk.length > to - at && to === file.size) throw tooLong(store, file);
        await sunk(sink.add(chunk.subarray(0, to - at)));
        at += chunk.length;
        if (isWhole() && to < file.size) break;
      }
    } finally {
      // Also when the line is cut: what has come need not come again.
      await sunk(sink.flush());
    }
  };
  const isWhole = (): boolean => at >= to;
  for (let vain = 1; !isWhole(); vain++) {
    const before = at;
    try {
      await store.read(file, { from: at, to }, take, signal);
      if (!isWhole()) throw new Error(`it ended after ${at} of ${to} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      if (refused !== undefined) throw refused.error;
      if (error instanceof EdgeloopError) throw error;
      if (at > before) vain = 0;
      if (vain >= VAIN_TRIES) throw brokeOff(store, file, at, error);
      await pause(retryWaitMs(vain), signal);
    }
  }
}

function tooLong(store: RemoteStore, file: DatasetFile): Error {
  return notAsListed(store, file, `more than ${file.size} bytes came`);
}

/** The failure `download-damaged`. */
export function notAsListed(store: RemoteStore, { path }: DatasetFile, what: string): Error {
  return failure(
    'download-damaged',
    `${store.name}: ${path} is not what was listed: ${what}`,
    'Bring listing and data into agreement, then run it again.',
  );
}

function brokeOff(store: RemoteStore, { path, size }: DatasetFile, at: number, cause: unknown): Error {
  return failure(
    'http-failed',
    `${store.name}: ${path} broke off at byte ${at} of ${size}, ${VAIN_TRIES} times without one byte more`,
    'Check the network, and run it again: what has come so far is kept.',
    { cause },
  );
}
