/**
 * Does `work` for all items, at most `limit` at a time. The first failure ends the work on the others through their
 * signal; when this settles, none is going on any more.
 */
export async function eachAtOnce<T>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const ends = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const waiting = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    try {
      for (const item of waiting) {
        ends.throwIfAborted();
        await work(item, ends);
      }
    } catch (error) {
      // Of several, the first to fail says what happened: the others only stop.
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, worker));
  ends.throwIfAborted();
}
