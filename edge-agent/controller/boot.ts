import { rm } from 'node:fs/promises';
import { messageOf } from '../../src/errors.ts';
import type { Holdings } from '../messages.ts';
import { RESTART } from '../slots/states.ts';
import { activate } from './activate.ts';
import { advance, arrange, type Context, report, stateOfModel, versionFolder } from './context.ts';
import { ensureHeld } from './ensure-held.ts';
import { judgeFault, watchProbation } from './probation.ts';

/**
 * Brings back what the journal says without asking the network: the active version, else its predecessor. A copy that
 * does not pass its checks any more is removed and forgotten, not quarantined: the disk is at fault, and the next
 * poll fetches and tests the same digest anew.
 */
export async function bootModel(context: Context, model: string, holdings: Holdings): Promise<void> {
  await serveFromDisk(context, model, holdings);
  const { active } = stateOfModel(context, model);
  if (active?.state === 'active') {
    watchProbation(context, model, active);
    // What happened while there was no controller.
    const { current } = holdings;
    if (current?.digest === active.digest) {
      await judgeFault(context, model, {
        digest: current.digest,
        faults: current.faults,
        reason: 'see the log',
      });
    }
  }
  await warmPredecessor(context, model, holdings);
  await resumeCandidate(context, model);
}

async function serveFromDisk(context: Context, model: string, holdings: Holdings): Promise<void> {
  for (let { active } = stateOfModel(context, model); active !== undefined;) {
    try {
      await ensureHeld(context, model, active, holdings);
      await arrange(context, model);
      return;
    } catch (error) {
      report(context, model, `the copy of ${active.version} on this disk is damaged: ${messageOf(error)}`);
      // First the files: a restart that finds none does the same, and a full disk has room for the record.
      await rm(versionFolder(context, model, active.digest), { recursive: true, force: true });
      advance(context, model, active, 'files-damaged');
      active = stateOfModel(context, model).active;
    }
  }
}

async function warmPredecessor(context: Context, model: string, holdings: Holdings): Promise<void> {
  const { previous } = stateOfModel(context, model);
  if (previous === undefined) return;
  try {
    await ensureHeld(context, model, previous, holdings);
    await arrange(context, model);
  } catch (error) {
    report(context, model, `its predecessor ${previous.version} is not warm: ${messageOf(error)}`);
  }
}

async function resumeCandidate(context: Context, model: string): Promise<void> {
  const { candidate } = stateOfModel(context, model);
  if (candidate === undefined || RESTART[candidate.state].restart !== 'load-again') return;
  advance(context, model, candidate, 'restarted');
  await activate(context, model, candidate);
}
