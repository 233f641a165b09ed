import { EdgeloopError, messageOf } from '../errors.ts';
import type { LoopDeps } from '../loop/workspace.ts';

/** Does what nothing depends on: an expected error is a warning, with its remedy. */
export async function attempt(
  { log, signal }: Pick<LoopDeps, 'log' | 'signal'>,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof EdgeloopError) || signal.aborted) throw error;
    log('warn', `${what} could not be written: ${messageOf(error)}\n${error.remedy}`);
  }
}
