import { failure } from '../../errors.ts';
import type { ModelSignature, Tensor } from '../../onnx/index.ts';
import { rowWeights } from './row-weights.ts';
import { checkColumns, joined } from './score.ts';
import { type Batch, quoted, type TableReader } from '../tables/columns.ts';
import { parseNumber } from '../tables/numbers.ts';
import { isTable, openTable } from '../tables/open-table.ts';
import type { LabelReader, Predictions, Task } from '../tasks/task.ts';
import { taskNamed } from '../tasks/tasks.ts';

/** A file of predictions that a command of the user's wrote, one row for each row of the holdout. */
export interface PredictionsFile {
  file: string;
  /** The truth is read from it if it is a table, else from the predictions file itself. */
  holdout: string;
  label: string;
  task: string;
  weight?: string | undefined;
  /** Names the classes, where it names any. */
  modelSignature?: ModelSignature | undefined;
}

const ROWS_READ_AT_ONCE = 1000;
const CLASS_PREFIX = 'probability_';

/**
 * Reads predictions: `prediction` for a regression, `probability` of class 1 or one `probability_CLASS` for each class
 * for a classification. Throws `column-missing`, `predictions-rows`, and what the task throws for values that cannot be.
 */
export async function readPredictions(args: PredictionsFile): Promise<Predictions> {
  const task = taskNamed(args.task);
  const table = await openTable(args.file);
  const columns = predictionColumns(task, table, args.modelSignature);
  const apart = isTable(args.holdout);
  const truthTable = apart ? await openTable(args.holdout) : table;
  const needed = [args.label, ...(args.weight === undefined ? [] : [args.weight])];
  checkColumns(table, apart ? columns.names : [...columns.names, ...needed]);
  if (apart) checkColumns(truthTable, needed);
  const truth = truthReader(task, args, columns);
  const parts: Pick<Predictions, 'predicted' | 'width'>[] = [];
  for await (const batch of table.batches(ROWS_READ_AT_ONCE)) {
    if (!apart) truth.add(batch);
    const place = columns.names[0] ?? '';
    parts.push(task.read(answerOf(batch, columns.names), batch, place));
  }
  if (apart) for await (const batch of truthTable.batches(ROWS_READ_AT_ONCE)) truth.add(batch);
  const { width, predicted } = joined(parts);
  const found = truth.finish(truthTable.file, width);
  const rows = found.labels.length;
  if (predicted.length !== rows * width) throw otherRows(args, predicted.length / width, rows);
  return { rows, predicted, width, ...found };
}

interface PredictionColumns {
  names: string[];
  /** In the order of the columns; absent when one column says it all. */
  classes?: string[];
}

function predictionColumns(
  task: Task,
  { columns }: TableReader,
  modelSignature: ModelSignature | undefined,
): PredictionColumns {
  if (task.name === 'regression') return { names: ['prediction'] };
  const found = columns.filter((name) => name.startsWith(CLASS_PREFIX));
  if (found.length === 0) return { names: ['probability'] };
  const classes = modelSignature?.labels?.map(String) ?? found.map((name) => name.slice(CLASS_PREFIX.length));
  return { names: classes.map((name) => `${CLASS_PREFIX}${name}`), classes };
}

function truthReader(
  task: Task,
  { label, weight, modelSignature }: PredictionsFile,
  columns: PredictionColumns,
) {
  // What the model would say of itself if its output were these columns.
  const shape = [null, Math.max(2, columns.names.length)];
  const said = columns.classes ?? modelSignature?.labels;
  const labels: LabelReader = task.labels({
    inputs: [],
    outputs: [{ name: 'probabilities', dataType: 'FP64', shape }],
    ...(said !== undefined && { labels: said }),
  });
  const weights = rowWeights(weight);
  return {
    add(batch: Batch): void {
      labels.add(batch, label);
      weights.add(batch);
    },
    finish: (file: string, width: number) => ({
      ...labels.finish(file, label, width),
      ...weights.finish(file),
    }),
  };
}

/** As the model would have answered: [rows, columns]. */
function answerOf(batch: Batch, names: readonly string[]): Tensor {
  const columns = names.map((name) =>
    batch.column(name).map((text, row) => {
      const value = parseNumber(text);
      if (value !== undefined) return value;
      throw failure(
        'cell-not-a-number',
        `${batch.place(row, name)}: found ${quoted(text)} in the column ${quoted(name)} where a number was expected.`,
        'Let evaluate.predict write numbers.',
      );
    }),
  );
  const values = new Float64Array(batch.rows * names.length);
  for (const [index, column] of columns.entries()) {
    for (const [row, value] of column.entries()) values[row * names.length + index] = value;
  }
  const shape = [batch.rows, names.length];
  return { name: 'predictions', dataType: 'FP64', shape, data: new Uint8Array(values.buffer) };
}

function otherRows({ file, holdout }: PredictionsFile, found: number, wanted: number): Error {
  return failure(
    'predictions-rows',
    `${file} holds ${found} predictions for the ${wanted} rows of ${holdout}.`,
    'Let evaluate.predict write one row for each row of the holdout, in its order.',
  );
}
