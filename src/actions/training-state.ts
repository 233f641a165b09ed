import * as core from '@actions/core';
import { killGroup } from '../kill-group.ts';
import { ownerName, ownerRuns } from '../process-owner.ts';

const STATE = 'training';

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
