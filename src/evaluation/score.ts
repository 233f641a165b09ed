import { nearest } from '../config/index.ts';
import { failure, misuse } from '../errors.ts';
import {
  type ModelSignature,
  readModelFile,
  type Session,
  startSession,
  type Tensor,
} from '../onnx/index.ts';
import { classOneProbabilities, probabilitiesOutput } from './class-probabilities.ts';
import { quoted, type TableReader } from './columns.ts';
import { columnInputs, inputTensors, rowsPerRun } from './input-tensors.ts';
import { labelCodes } from './label-codes.ts';
import { openTable } from './open-table.ts';

const ROWS_PER_RUN = 1000;

/** What a model says about every row of a holdout, in the file's order. */
export interface Predictions {
  rows: number;
  /** 0 or 1. */
  labels: Uint8Array;
  /** Of class 1. */
  probabilities: Float64Array;
  /** The labels of class 0 and class 1 as the data writes them. */
  classes: [string, string];
}

/** The one thing of a session that scoring needs. */
export type Runner = Pick<Session, 'run'>;

export interface ScoreArgs {
  session: Runner;
  modelSignature: ModelSignature;
  /** Path of the holdout. */
  holdout: string;
  /** The column that holds the truth. */
  label: string;
  task: string;
}

/**
 * Runs a model over a labelled file, about 1,000 rows at a time, so that memory does not grow with the file but for
 * nine bytes a row. Throws coded failures that name the file, line and column for everything that does not fit.
 */
export async function scoreHoldout(args: ScoreArgs): Promise<Predictions> {
  checkTask(args.task);
  const { session, modelSignature, holdout, label } = args;
  const table = await openTable(holdout);
  const inputs = columnInputs(modelSignature, table.columns);
  checkColumns(table, [...inputs.map(({ name }) => name), label]);
  const output = probabilitiesOutput(modelSignature);
  const codes = labelCodes(modelSignature.labels);
  const parts: Float64Array[] = [];
  for await (const batch of table.batches(rowsPerRun(inputs, ROWS_PER_RUN))) {
    codes.add(batch, label);
    const answers = await session.run(inputTensors(batch, inputs), [output.name]);
    parts.push(classOneProbabilities(answerNamed(answers, output.name), batch, label));
  }
  const { labels, classes } = codes.finish(holdout, label);
  return { rows: labels.length, labels, probabilities: joined(parts, labels.length), classes };
}

/** The same for a model file: starts a session host for it and ends it. Throws the signal's reason when cancelled. */
export async function scoreModel(
  modelFile: string,
  holdout: string,
  label: string,
  task: string,
  options: { signal?: AbortSignal } = {},
): Promise<Predictions> {
  checkTask(task);
  const { modelSignature } = await readModelFile(modelFile);
  try {
    const session = await startSession({ modelFile, ...options });
    try {
      return await scoreHoldout({ session, modelSignature, holdout, label, task });
    } finally {
      await session.close();
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
}

/**
 * Reads a holdout without a model, so that what is wrong with it is known before anything is trained: the file, its
 * label column, its two classes. Throws what `scoreHoldout` would throw.
 */
export async function checkHoldout({
  holdout,
  label,
  task,
}: Omit<ScoreArgs, 'session' | 'modelSignature'>): Promise<void> {
  checkTask(task);
  const table = await openTable(holdout);
  checkColumns(table, [label]);
  const codes = labelCodes(undefined);
  for await (const batch of table.batches(ROWS_PER_RUN)) codes.add(batch, label);
  codes.finish(holdout, label);
}

function checkTask(task: string): void {
  if (task === 'binary-classification') return;
  throw misuse(
    'task-unsupported',
    `The task ${quoted(task)} can't be evaluated; binary-classification can.`,
    'Set evaluate.task to binary-classification in edgeloop.yaml.',
  );
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

function joined(parts: readonly Float64Array[], length: number): Float64Array {
  const all = new Float64Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
