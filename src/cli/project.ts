import { openWorkspace } from '../loop/open-workspace.ts';
import { type Workspace } from '../loop/workspace.ts';
import { followTraining } from './follow-training.ts';
import type { CommonOptions, VerbContext } from './run-verb.ts';

/** Opens the project that a verb works on; a training's own lines go to stderr as they come. */
export function openProject(options: CommonOptions, context: VerbContext): Promise<Workspace> {
  const quiet = options.logLevel === 'error' || options.logLevel === 'silent';
  const { environment } = context;
  return openWorkspace({
    ...context,
    config: options.config,
    followTraining: (model) =>
      quiet
        ? { line: () => {}, end: () => {} }
        : followTraining(model, { output: process.stderr, environment }),
    now: () => new Date(),
    // Nothing here prints a secret, and nothing could hide it.
    mask: () => {},
  });
}
