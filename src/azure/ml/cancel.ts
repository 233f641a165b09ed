import { messageOf } from '../../errors.ts';
import { pause } from '../../pause.ts';
import { stateOf } from './read-job.ts';
import { reopened } from './reopened.ts';
import { courseOf } from './states.ts';
import type { MlWorkspace } from './workspace.ts';

/** Whether a job that was asked to end will do so. */
export type Cancellation =
  /** `state` is `CancelRequested`, `Canceled`, or what it had ended with before. */
  | { kind: 'confirmed'; state: string }
  /** The service did not say so in time: the job may run on. */
  | { kind: 'unconfirmed'; why: string };

/** A workflow that is cancelled has 7.5 s before the runner's next signal, and something to say afterwards. */
const LIMIT_MS = 6000;
const POLL_MS = 500;

/**
 * Asks for a job to be cancelled, and waits until its state tells that this was heard: the operation's own end would
 * take longer than who cancels has time. Works after `ml.signal` was aborted, and never throws.
 */
export async function cancelJob(
  ml: MlWorkspace,
  name: string,
  { limitMs = LIMIT_MS }: { limitMs?: number } = {},
): Promise<Cancellation> {
  const limit = AbortSignal.timeout(limitMs);
  const arm = reopened(ml, limit);
  let why = `no answer came within ${limitMs / 1000} s`;
  try {
    const refused = await arm
      .asking(`cancelling the job ${name}`, () => arm.client.jobs.beginCancel(...arm.at, name))
      .then(
        () => undefined,
        (error: unknown) => messageOf(error),
      );
    for (;;) {
      // Looked at in any case: a job that has ended cannot be cancelled.
      const job = await arm.asking(`reading the job ${name}`, () => arm.client.jobs.get(...arm.at, name));
      const state = stateOf(job);
      if (state === 'CancelRequested' || courseOf(state) !== 'under way') return { kind: 'confirmed', state };
      why = refused ?? `the job is still ${state}`;
      if (refused !== undefined) return { kind: 'unconfirmed', why };
      await pause(POLL_MS, limit);
    }
  } catch (error) {
    return { kind: 'unconfirmed', why: limit.aborted ? why : messageOf(error) };
  }
}
