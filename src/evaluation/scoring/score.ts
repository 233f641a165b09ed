import { nearest } from '../../config/index.ts';
import { failure } from '../../errors.ts';
import {
  type ModelSignature,
  readModelFile,
  type Session,
  startSession,
  type Tensor,
} from '../../onnx/index.ts';
import { type Batch, quoted, type TableReader } from '../tables/columns.ts';
import { arraysOf, columnInputs, type Inputs } from './input-columns.ts';
import { inputTensors, rowsPerRun } from './input-tensors.ts';
import { openTable } from '../tables/open-table.ts';
import { rowWeights } from './row-weights.ts';
import type { Predictions } from '../tasks/task.ts';
import { taskNamed } from '../tasks/tasks.ts';

const ROWS_PER_RUN = 1000;

/** The one thing of a session that scoring needs. */
export type Runner = Pick<Session, 'run'>;

export interface ScoreArgs extends Inputs {
  session: Runner;
  /** Path of the holdout. */
  holdout: string;
  task: string;
}

/**
 * Runs a model over a labelled file, about 1,000 rows at a time, so that memory does not grow with the file but for
 * eight bytes a row and as many for each class. Throws coded failures that name the file, line and column for everything
 * that does not fit.
 */
export async function scoreHoldout(args: ScoreArgs): Promise<Predictions> {
  const task = taskNamed(args.task);
  const { session, modelSignature, holdout, label, weight } = args;
  const table = await openTable(holdout);
  const inputs = columnInputs(args, table);
  const others = weight === undefined ? [label] : [label, weight];
  checkColumns(table, [...inputs.flatMap(({ columns }) => columns), ...others]);
  const output = task.output(modelSignature);
  const truth = task.labels(modelSignature);
  const weights = rowWeights(weight);
  const parts: ReturnType<typeof task.read>[] = [];
  const run = async (tensors: Tensor[], batch: Batch): Promise<void> => {
    const answers = await session.run(tensors, [output.name]);
    parts.push(task.read(answerNamed(answers, output.name), batch, label));
  };
  let before: Promise<void> = Promise.resolve();
  for await (const batch of table.batches(rowsPerRun(inputs, ROWS_PER_RUN), arraysOf(inputs))) {
    truth.add(batch, label);
    weights.add(batch);
    const tensors = inputTensors(batch, inputs);
    await before;
    // Not awaited yet, so that the next rows are read while the model computes these.
    before = run(tensors, batch);
    // What the reader throws meanwhile is thrown in its place.
    before.catch(() => undefined);
  }
  await before;
  const { width, predicted } = joined(parts);
  const { labels, classes } = truth.finish(holdout, label, width);
  return { rows: labels.length, labels, predicted, width, classes, ...weights.finish(holdout) };
}

/** What else is known of a model when it is scored. */
export interface ScoreOptions {
  /** As its card says; by default what the model file says of itself. */
  modelSignature?: ModelSignature | undefined;
  featureOrder?: readonly string[] | undefined;
  /** Column of sample weights. */
  weight?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** The same for a model file: starts a session host for it and ends it. Throws the signal's reason when cancelled. */
export async function scoreModel(
  modelFile: string,
  holdout: string,
  label: string,
  task: string,
  { featureOrder, weight, signal, ...known }: ScoreOptions = {},
): Promise<Predictions> {
  taskNamed(task);
  const modelSignature = known.modelSignature ?? (await readModelFile(modelFile)).modelSignature;
  try {
    const session = await startSession({ modelFile, ...(signal && { signal }) });
    try {
      return await scoreHoldout({ session, modelSignature, holdout, label, task, featureOrder, weight });
    } finally {
      await session.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Throws `column-missing` for the columns that a table has not. */
export function checkColumns(table: TableReader, wanted: readonly string[]): void {
  const missing = wanted.filter((name) => !table.columns.includes(name));
  if (missing.length === 0) return;
  const unused = table.columns.filter((name) => !wanted.includes(name));
  const listed = missing.map((name) => {
    const near = nearest(name, unused);
    if (table.arrays?.some((array) => array.name === name))
      return `${quoted(name)} (an array with several values per row)`;
    return near === undefined ? quoted(name) : `${quoted(name)} (nearest: ${quoted(near)})`;
  });
  throw failure(
    'column-missing',
    `${table.head}: the file has no column ${listed.join(', ')}; it has ${table.columns.length} columns.`,
    'Add the columns to the file, or correct their names; label, weight and slices are named under evaluate in edgeloop.yaml.',
  );
}

function answerNamed(answers: readonly Tensor[], name: string): Tensor {
  const answer = answers.find((tensor) => tensor.name === name);
  if (answer !== undefined) return answer;
  throw failure(
    'output-missing',
    `The model did not answer with its output ${quoted(name)}.`,
    'Export the model again.',
  );
}

/** All answers one after the other. Throws `probabilities-shape` when they differ in their width. */
export function joined(parts: readonly Pick<Predictions, 'predicted' | 'width'>[]): (typeof parts)[number] {
  const width = parts[0]?.width ?? 0;
  const other = parts.find((part) => part.width !== width);
  if (other !== undefined) {
    throw failure(
      'probabilities-shape',
      `The model answered ${width} values per row for some rows and ${other.width} for others.`,
      'Train a model whose number of outputs does not depend on its inputs.',
    );
  }
  const predicted = new Float64Array(parts.reduce((sum, part) => sum + part.predicted.length, 0));
  let at = 0;
  for (const part of parts) {
    predicted.set(part.predicted, at);
    at += part.predicted.length;
  }
  return { predicted, width };
}
