import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so many milliseconds; rejects with the reason of `signal` as soon as that is aborted. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { ...(signal && { signal }) });
  } catch (error) {
    // Node tells that it was aborted, and the reason as the cause of that only.
    signal?.throwIfAborted();
    throw error;
  }
}
