import { openWorkspace } from '../loop/open-workspace.ts';
import type { Workspace } from '../loop/workspace.ts';
import { followTraining } from './follow-training.ts';
import { optional } from './inputs.ts';
import type { ActionContext } from './run-action.ts';

/** Opens the project that a step works on. */
export function openProject(context: ActionContext): Promise<Workspace> {
  return openWorkspace({ ...context, config: optional('config'), followTraining, now: () => new Date() });
}
