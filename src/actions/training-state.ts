import * as core from '@actions/core';
import { killGroup } from '../kill-group.ts';
import { ownerName, ownerRuns } from '../process-owner.ts';

const STATE = 'training';
const JOB = 'job';

/** The same for the job of a service that a training is; an empty name when nobody waits for it any more. */
export function rememberJob(name: string): void {
  core.saveState(JOB, name);
}

/** The job that a step was waiting for when it was killed; `undefined` when it came to its end. */
export function leftJob(): string | undefined {
  return core.getState(JOB) || undefined;
}

/** Lets the action's `post` step know which process a training is: the leader of a group of its own. */
export function rememberTraining(pid: number): void {
  core.saveState(STATE, ownerName(pid));
}

/** Ends a training that its step has left behind; returns its process id, or `undefined` when none runs. */
export function endTraining(): number | undefined {
  const owner = core.getState(STATE);
  if (owner === '' || !ownerRuns(owner)) return undefined;
  const pid = Number(owner.split('-')[0]);
  killGroup(pid, 'SIGKILL');
  return pid;
}
