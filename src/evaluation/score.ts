import { nearest } from '../config/index.ts';
import { failure } from '../errors.ts';
import {
  type ModelSignature,
  readModelFile,
  type Session,
  startSession,
  type Tensor,
} from '../onnx/index.ts';
import { quoted, type TableReader } from './columns.ts';
import { columnInputs, type Inputs } from './input-columns.ts';
import { inputTensors, rowsPerRun } from './input-tensors.ts';
import { openTable } from './open-table.ts';
import type { Predictions } from './tasks/task.ts';
import { taskNamed } from './tasks/tasks.ts';

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
  const { session, modelSignature, holdout, label } = args;
  const table = await openTable(holdout);
  const inputs = columnInputs(args, table);
  checkColumns(table, [...inputs.flatMap(({ columns }) => columns), label]);
  const output = task.output(modelSignature);
  const truth = task.labels(modelSignature);
  const parts: ReturnType<typeof task.read>[] = [];
  for await (const batch of table.batches(rowsPerRun(inputs, ROWS_PER_RUN))) {
    truth.add(batch, label);
    const answers = await session.run(inputTensors(batch, inputs), [output.name]);
    parts.push(task.read(answerNamed(answers, output.name), batch, label));
  }
  const { width, predicted } = joined(parts);
  const { labels, classes } = truth.finish(holdout, label, width);
  return { rows: labels.length, labels, predicted, width, classes };
}

/** What else is known of a model when it is scored. */
export interface ScoreOptions {
  /** As its card says; by default what the model file says of itself. */
  modelSignature?: ModelSignature | undefined;
  featureOrder?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
}

/** The same for a model file: starts a session host for it and ends it. Throws the signal's reason when cancelled. */
export async function scoreModel(
  modelFile: string,
  holdout: string,
  label: string,
  task: string,
  { featureOrder, signal, ...known }: ScoreOptions = {},
): Promise<Predictions> {
  taskNamed(task);
  const modelSignature = known.modelSignature ?? (await readModelFile(modelFile)).modelSignature;
  try {
    const session = await startSession({ modelFile, ...(signal && { signal }) });
    try {
      return await scoreHoldout({ session, modelSignature, holdout, label, task, featureOrder });
    } finally {
      await session.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * Reads a holdout without a model, so that what is wrong with it is known before anything is trained: the file, its
 * label column, its classes. Throws what `scoreHoldout` would throw.
 */
export async function checkHoldout({
  holdout,
  label,
  task,
}: Pick<ScoreArgs, 'holdout' | 'label' | 'task'>): Promise<void> {
  const truth = taskNamed(task).labels();
  const table = await openTable(holdout);
  checkColumns(table, [label]);
  for await (const batch of table.batches(ROWS_PER_RUN)) truth.add(batch, label);
  truth.finish(holdout, label);
}

function checkColumns(table: TableReader, wanted: readonly string[]): void {
  const missing = wanted.filter((name) => !table.columns.includes(name));
  if (missing.length === 0) return;
  const unused = table.columns.filter((name) => !wanted.includes(name));
  const listed = missing.map((name) => {
    const near = nearest(name, unused);
    return near === undefined ? quoted(name) : `${quoted(name)} (nearest: ${quoted(near)})`;
  });
  throw failure(
    'column-missing',
    `${table.file}:1:1: the file has no column ${listed.join(', ')}; it has ${table.columns.length} columns.`,
    'Add the columns to the file, or correct their names; the label column is evaluate.label in edgeloop.yaml.',
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

function joined(parts: readonly Pick<Predictions, 'predicted' | 'width'>[]): (typeof parts)[number] {
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
