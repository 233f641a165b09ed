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
  await requireModel(output, `the ${what} exited with 0 but left no model.onnx in its output folder${tail}`);
  return { seconds: (performance.now() - started) / 1000, printed, logProblem };
}

/** Throws `training-without-model`, with that message, unless the folder holds the file itself. */
export async function requireModel(output: string, message: string): Promise<void> {
  // Not what a link names: the model must be in the folder.
  const found = await lstat(join(output, 'model.onnx')).catch(() => undefined);
  if (found?.isFile() === true && found.size > 0) return;
  throw failure(
    'training-without-model',
    message,
    'The command must write model.onnx into ${{outputs.model}}: the file itself, not a link.',
  );
}
