import { messageOf } from '../../src/errors.ts';
import { advance, type Context, report, stateOfModel } from './context.ts';
import type { Version } from './device-state.ts';
import { ensureHeld } from './ensure-held.ts';
import { quarantine } from './quarantine.ts';

const DEFAULT_PROBATION_MS = 30_000;
/** Crashes of its session host, or answers with NaN, that end a probation. */
const FAULT_LIMIT = 3;

/** How long after a record that could not be written it is tried again. */
const RETRY_MS = 5_000;

/** Commits a version that was just made active when its probation is over. */
export function watchProbation(
  context: Context,
  model: string,
  version: Version,
  probationMs = context.settings.probationMs ?? DEFAULT_PROBATION_MS,
): void {
  const timer = setTimeout(() => {
    const { active } = stateOfModel(context, model);
    if (active?.digest !== version.digest || active.state !== 'active') return;
    try {
      advance(context, model, active, 'probation-passed');
    } catch (error) {
      report(context, model, error);
      watchProbation(context, model, version, RETRY_MS);
    }
  }, probationMs);
  timer.unref();
  // A version that was rolled back and came again begins anew.
  clearTimeout(context.probations.get(model));
  context.probations.set(model, timer);
}

/** A fault of the version on probation: the third one sends it back, when there is a predecessor to go back to. */
export async function judgeFault(
  context: Context,
  model: string,
  fault: { digest: string; faults: number; reason: string },
): Promise<void> {
  const { active, previous } = stateOfModel(context, model);
  if (active?.digest !== fault.digest || active.state !== 'active' || fault.faults < FAULT_LIMIT) return;
  const reason = `${fault.faults} faults on probation, the last one: ${fault.reason}`;
  if (previous === undefined) {
    report(context, model, `${active.version} had ${reason}; it has no predecessor to go back to`);
    return;
  }
  try {
    await ensureHeld(context, model, previous);
    // Several faults arrive while the predecessor is loaded; the first one decides.
    const now = stateOfModel(context, model).active;
    if (now?.digest === active.digest) await quarantine(context, model, active, reason);
  } catch (error) {
    report(context, model, messageOf(error));
  }
}
