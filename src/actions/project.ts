import { getIDToken, setSecret } from '@actions/core';
import { packageRoot } from '../package-root.ts';
import { openWorkspace } from '../loop/open-workspace.ts';
import type { Workspace } from '../loop/workspace.ts';
import { followTraining } from './follow-training.ts';
import { optional } from './inputs.ts';
import { ensureOnnxRuntime } from './onnx-runtime.ts';
import type { ActionContext } from './run-action.ts';

/** Opens the project that a step works on. */
export function openProject(context: ActionContext): Promise<Workspace> {
  // Only a job with the permission id-token: write has the address.
  const canProve = Boolean(context.environment['ACTIONS_ID_TOKEN_REQUEST_URL']);
  return openWorkspace({
    ...context,
    config: optional('config'),
    idToken: canProve ? getIDToken : undefined,
    mask: setSecret,
    followTraining,
    now: () => new Date(),
  });
}

/** The same for a step that may score models: an action is checked out without ONNX Runtime. */
export async function openScoringProject(context: ActionContext): Promise<Workspace> {
  // Session hosts inherit it.
  Object.assign(process.env, await ensureOnnxRuntime({ ...context, packageRoot: packageRoot() }));
  return openProject(context);
}
