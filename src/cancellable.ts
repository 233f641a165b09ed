import { setTimeout as sleep } from 'node:timers/promises';
import { EdgeloopError, failure } from './errors.ts';

/** How much later than what it started a program may get the same Ctrl-C. */
const SIGNAL_MS = 250;

/**
 * Runs work whose signal aborts at SIGINT and SIGTERM; the second of them ends the process at once, with 130. What
 * fails after that fails as `cancelled`, whatever words it finds for it, unless that is what it says itself.
 */
export async function cancellable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let signals = 0;
  const cancel = () => {
    signals += 1;
    if (signals === 2) process.exit(130);
    controller.abort(
      failure('cancelled', 'cancelled', 'Run the same command again; it goes on where it can.'),
    );
  };
  process.on('SIGINT', cancel);
  process.on('SIGTERM', cancel);
  try {
    return await work(controller.signal);
  } catch (error) {
    // Ctrl-C in a terminal reaches what was started too, and its end may be noticed first.
    if (endedBySignal(error))
      await sleep(SIGNAL_MS, undefined, { signal: controller.signal }).catch(() => {});
    if (!controller.signal.aborted || !(error instanceof EdgeloopError)) throw error;
    throw error.code === 'cancelled' ? error : controller.signal.reason;
  } finally {
    process.off('SIGINT', cancel);
    process.off('SIGTERM', cancel);
  }
}

function endedBySignal(error: unknown): boolean {
  return error instanceof EdgeloopError && /\bwas ended by SIG(INT|TERM)\b/.test(error.message);
}
