import { openWorkspace } from '../loop/open-workspace.ts';
import type { LoopDeps, Workspace } from '../loop/workspace.ts';
import { followTraining } from './follow-training.ts';
import type { CommonOptions, VerbContext } from './run-verb.ts';
import { workflowToken } from './workflow-token.ts';

/** Opens the project that a verb works on. */
export function openProject(options: CommonOptions, context: VerbContext): Promise<Workspace> {
  return openWorkspace(projectDeps(options, context));
}

/** What the loop is given on the command line; a training's own lines go to stderr as they come. */
export function projectDeps(options: CommonOptions, context: VerbContext): LoopDeps {
  const quiet = options.logLevel === 'error' || options.logLevel === 'silent';
  const { environment } = context;
  return {
    ...context,
    config: options.config,
    followTraining: (model) =>
      quiet
        ? { line: () => {}, end: () => {} }
        : followTraining(model, { output: process.stderr, environment }),
    idToken: workflowToken(environment),
    now: () => new Date(),
    // Nothing here prints a secret. In a workflow the command that masks one would: to wherever the output is sent.
    mask: () => {},
  };
}
