import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../errors.ts';
import { type CommandDeps, runCommand, type UserCommand } from './run-command.ts';

/** A command that predicts in the place of a session host. */
export interface LocalPrediction extends Omit<UserCommand, 'what' | 'inputs' | 'outputs'> {
  /** Folder of the model's files: `${{inputs.model}}`. */
  model: string;
  /** `${{inputs.holdout}}`. */
  holdout: string;
  /** Absolute path of an empty folder: `${{outputs.predictions}}`. */
  output: string;
}

const FILES = ['predictions.csv', 'predictions.jsonl', 'predictions.parquet'];

/**
 * Runs `evaluate.predict` on this machine, and gives the file of predictions that it left. Throws `predict-failed`,
 * `predict-timeout`, `predict-without-file`, `training-log-unwritable` or `cancelled`.
 */
export async function predictLocally(prediction: LocalPrediction, deps: CommandDeps): Promise<string> {
  const { model, holdout, output, ...command } = prediction;
  await mkdir(output, { recursive: true });
  const what = `prediction by ${model}`;
  const { tail } = await runCommand(
    'predict',
    {
      ...command,
      what,
      inputs: { model, holdout },
      outputs: { predictions: output },
    },
    deps,
  );
  for (const name of FILES) {
    const file = join(output, name);
    const found = await lstat(file).catch(() => undefined);
    if (found?.isFile() === true && found.size > 0) return file;
  }
  throw failure(
    'predict-without-file',
    `the ${what} exited with 0 but left none of ${FILES.join(', ')} in its output folder${tail}`,
    'The command must write one of these files into ${{outputs.predictions}}.',
  );
}
