import { failure } from '../../errors.ts';
import type { Tensor } from '../../onnx/index.ts';
import type { Batch } from '../tables/columns.ts';
import { arraysOf, columnInputs, type InputColumns } from './input-columns.ts';
import { inputTensors, rowsPerRun } from './input-tensors.ts';
import { openTable } from '../tables/open-table.ts';
import type { ScoreArgs } from './score.ts';
import type { GoldenRange, Predictions } from '../tasks/task.ts';
import { taskNamed } from '../tasks/tasks.ts';

const GOLDEN_ROWS = 8;
const ROWS_READ_AT_ONCE = 1000;

export interface GoldenArgs extends ScoreArgs {
  predictions: Predictions;
}

/**
 * Golden samples: up to eight rows of the holdout (one, if the model takes no more at once) as input tensors, with all
 * of the candidate's own outputs for them. The same rows every time. Throws `golden-none` when no row is far enough
 * from a decision.
 */
export async function chooseGolden(args: GoldenArgs): Promise<{ inputs: Tensor[]; outputs: Tensor[] }> {
  const table = await openTable(args.holdout);
  const specs = columnInputs(args, table);
  const rows = goldenRows(taskNamed(args.task).golden(args.predictions), rowsPerRun(specs, GOLDEN_ROWS));
  const inputs = inputTensors(await readRows(args.holdout, rows, specs), specs);
  return { inputs, outputs: await args.session.run(inputs) };
}

/**
 * Row numbers, ascending: for each of evenly spaced values between the least and the greatest the nearest row that is
 * not taken yet, without those that are too close to a decision.
 */
export function goldenRows({ values: all, undecided }: GoldenRange, count: number): number[] {
  const eligible = Array.from(all.keys()).filter((row) => !Number.isNaN(all[row]));
  if (eligible.length === 0) {
    throw failure(
      'golden-none',
      `${undecided}, so no row can prove that a device computes the same.`,
      'Train a model that tells the classes apart.',
    );
  }
  const values = eligible.map((row) => all[row] ?? 0);
  const [least, greatest] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  const taken = new Set<number>();
  for (let pick = 0; pick < Math.min(count, eligible.length); pick++) {
    const target = least + ((greatest - least) * pick) / Math.max(1, count - 1);
    taken.add(nearestRow(eligible, values, target, taken));
  }
  return [...taken].toSorted((a, b) => a - b);
}

function nearestRow(
  rows: readonly number[],
  values: readonly number[],
  target: number,
  taken: Set<number>,
): number {
  let best = -1;
  let distance = Number.POSITIVE_INFINITY;
  for (const [index, row] of rows.entries()) {
    const away = Math.abs((values[index] ?? 0) - target);
    if (away >= distance || taken.has(row)) continue;
    best = row;
    distance = away;
  }
  return best;
}

/** A batch of just these rows. */
async function readRows(
  file: string,
  rows: readonly number[],
  inputs: readonly InputColumns[],
): Promise<Batch> {
  const wanted = new Set(rows);
  const names = inputs.flatMap(({ columns }) => columns);
  const arrays = arraysOf(inputs);
  const found: {
    texts: Map<string, string>;
    bytes: Map<string, Uint8Array>;
    place: (name: string) => string;
  }[] = [];
  const table = await openTable(file);
  let first = 0;
  for await (const batch of table.batches(rowsPerRun(inputs, ROWS_READ_AT_ONCE), arrays)) {
    for (let row = 0; row < batch.rows; row++) {
      if (!wanted.has(first + row)) continue;
      const texts = new Map(names.map((name) => [name, batch.column(name)[row] ?? '']));
      const bytes = new Map(arrays.map((name) => [name, bytesOfRow(batch, name, row)]));
      found.push({ texts, bytes, place: (name) => batch.place(row, name) });
    }
    first += batch.rows;
    if (found.length === rows.length) break;
  }
  if (found.length < rows.length) throw changedHoldout(file, first);
  return {
    rows: found.length,
    column: (name) => found.map(({ texts }) => texts.get(name) ?? ''),
    array: (name) => Buffer.concat(found.map(({ bytes }) => bytes.get(name) ?? new Uint8Array())),
    place: (row, name) => found[row]?.place(name) ?? file,
  };
}

/** A copy, so that the bytes of the batch are not kept. */
function bytesOfRow(batch: Batch, name: string, row: number): Uint8Array {
  const bytes = batch.array?.(name) ?? new Uint8Array();
  const length = bytes.length / batch.rows;
  return new Uint8Array(bytes.subarray(row * length, (row + 1) * length));
}

function changedHoldout(file: string, rows: number): Error {
  return failure(
    'holdout-changed',
    `${file} has only ${rows} rows now, fewer than were scored.`,
    'Leave the holdout alone while a training runs, and run it again.',
  );
}
