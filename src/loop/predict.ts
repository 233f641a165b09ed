import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { predictLocally } from '../training/index.ts';
import { blameSetting } from './blame-setting.ts';
import type { Identity } from './identify.ts';
import { copyCode } from './train.ts';
import { workPath, type Workspace } from './workspace.ts';

/** The user's own way to predict, for as long as it is needed. */
export interface Predictor {
  command: string;
  /** Takes a model file and gives the file of its predictions on the holdout. */
  predict: (modelFile: string) => Promise<string>;
  /** Removes what it wrote. */
  dispose: () => Promise<void>;
}

/** Runs `evaluate.predict` in a clean copy of the code, as a training runs; `undefined` when there is none. */
export function predictorOf(workspace: Workspace, identity: Identity): Predictor | undefined {
  const { settings, model, inputKey, paths } = identity;
  const { predict: command } = settings.evaluate;
  if (command === undefined) return undefined;
  const folder = workPath(workspace, 'predictions', inputKey);
  let copied: Promise<string> | undefined;
  let runs = 0;
  return {
    command,
    predict: async (modelFile) => {
      await (copied ?? rm(folder, { recursive: true, force: true }));
      copied ??= copyCode(workspace, identity, join(folder, 'project'));
      const project = await copied;
      const { environment, signal, followTraining, log } = workspace.deps;
      log('info', `predicting with ${basename(dirname(modelFile))}`);
      const follower = followTraining(model);
      runs += 1;
      const prediction = {
        run: command,
        folder: project,
        project: workspace.config.root,
        model: dirname(modelFile),
        holdout: paths.holdout,
        output: join(folder, `output-${runs}`),
        logFile: workPath(workspace, 'logs', model, `${inputKey}.predict-${runs}.log`),
        timeoutMs: settings.train.timeout,
      };
      return blameSetting(workspace, model, 'evaluate.predict', () =>
        predictLocally(prediction, { onLine: follower.line, environment, signal }),
      ).finally(follower.end);
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
