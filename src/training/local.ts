import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../errors.ts';
import { type CommandDeps, runCommand } from './run-command.ts';

export interface LocalTraining {
  model: string;
  run: string;
  /** Where the command runs. */
  folder: string;
  /** The user's own folder, which is still there afterwards. */
  project: string;
  /** Values of `${{inputs.NAME}}`. */
  inputs: Record<string, string>;
  /** Absolute path of an empty folder: the value of `${{outputs.model}}`. */
  output: string;
  /** Absolute path of the file that gets all that the training prints, also when it fails. */
  logFile: string;
  timeoutMs: number;
}

export interface TrainingResult {
  seconds: number;
  /** False when there is not one line in the log. */
  printed: boolean;
  /** Why the log is incomplete; undefined when it is not. */
  logProblem: unknown;
}

/**
 * Runs a training on this machine. Success is exit 0 and a `model.onnx` in the output folder. Throws `training-failed`,
 * `training-timeout`, `training-without-model`, `training-log-unwritable` or `cancelled`.
 */
export async function trainLocally(training: LocalTraining, deps: CommandDeps): Promise<TrainingResult> {
  const { model: name, output, ...command } = training;
  await mkdir(output, { recursive: true });
  const started = performance.now();
  const what = `training of ${name}`;
  const { printed, logProblem, tail } = await runCommand(
    'training',
    { ...command, what, outputs: { model: output } },
    deps,
  );
  const model = join(output, 'model.onnx');
  // Not what a link names: the model must be in the folder.
  const found = await lstat(model).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size === 0) {
    throw failure(
      'training-without-model',
      `the ${what} exited with 0 but left no model.onnx in its output folder${tail}`,
      'The command must write model.onnx into ${{outputs.model}}: the file itself, not a link.',
    );
  }
  return { seconds: (performance.now() - started) / 1000, printed, logProblem };
}
