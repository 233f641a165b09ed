import { misuse } from '../errors.ts';
import type { Comparison } from './bootstrap.ts';
import type { Interval, Rules, Slice, SliceRecord } from './gate/record.ts';
import { improvement } from './bootstrap.ts';
import { checkColumns } from './scoring/score.ts';
import { quoted, type TableReader } from './tables/columns.ts';
import { openTable } from './tables/open-table.ts';
import { measure, type Predictions } from './tasks/task.ts';
import { taskNamed } from './tasks/tasks.ts';

/** The rows of a holdout that hold one value in one column. */
export interface SliceRows {
  column: string;
  value: string;
  /** Ascending row numbers. */
  rows: Uint32Array;
}

const ROWS_READ_AT_ONCE = 1000;
/** A metric of fewer rows is mostly chance. */
const LEAST_ROWS = 30;
/** As many slices of one column as are judged, the largest ones. */
const MOST_SLICES = 100;
/** A column with more values is an identity and no group. */
const MOST_VALUES = 10_000;
const LEAST_RESAMPLES = 2000;
/** All slices together refuse an honest candidate this seldom. */
const FAMILY_ERROR = 0.05;

/** Finds the slices of a holdout by these columns. Throws `column-missing`, and `slice-values` for more than 10,000 values. */
export async function findSlices(file: string, columns: readonly string[]): Promise<SliceRows[]> {
  if (columns.length === 0) return [];
  const table = await openTable(file);
  checkColumns(table, columns);
  const rows = columns.map(() => new Map<string, number[]>());
  let first = 0;
  for await (const batch of table.batches(ROWS_READ_AT_ONCE)) {
    for (const [index, column] of columns.entries()) {
      const byValue = rows[index];
      for (const [row, value] of batch.column(column).entries()) {
        const found = byValue?.get(value);
        if (found !== undefined) found.push(first + row);
        else byValue?.set(value, [first + row]);
      }
      if ((byValue?.size ?? 0) > MOST_VALUES) throw tooManyValues(table, column);
    }
    first += batch.rows;
  }
  return columns.flatMap((column, index) =>
    [...(rows[index] ?? [])].map(([value, found]) => ({ column, value, rows: Uint32Array.from(found) })),
  );
}

function tooManyValues({ file }: TableReader, column: string): Error {
  return misuse(
    'slice-values',
    `${file}: the column ${quoted(column)} has more than ${MOST_VALUES} different values, too many for slices`,
    'Name a column with few values under evaluate.slices, such as a region or a device type.',
  );
}

export interface SliceArgs {
  slices: readonly SliceRows[];
  /** Of the whole holdout. */
  candidate: Predictions;
  /** `null` when there is nothing to compare with. */
  champion: Predictions | null;
  task: string;
  rules: Rules;
  seed: number;
}

/** What the bootstrap has to compare for the slices, and how its answers become the record. */
export interface SlicePlan {
  comparisons: Comparison[];
  record(intervals: readonly Record<string, Pick<Interval, 'lower' | 'upper'> | null>[]): SliceRecord;
}

/**
 * The slices that are judged: of each column the largest hundred with at least 30 rows. Their intervals share a family
 * error of 5 % (Bonferroni), and as many resamples are drawn as the outermost of them needs.
 */
export function planSlices(args: SliceArgs): SlicePlan {
  const { slices, rules, candidate, champion, seed } = args;
  const judged = rules.slices.flatMap((column) => largest(slices.filter((each) => each.column === column)));
  const compared = Object.entries(rules.metrics).filter(([, { tolerance }]) => tolerance !== undefined);
  const tests = Math.max(1, judged.length * compared.length);
  const level = 1 - FAMILY_ERROR / tests;
  const resamples = Math.max(LEAST_RESAMPLES, Math.ceil((2 * tests) / FAMILY_ERROR));
  const metrics = Object.fromEntries(
    compared.map(([name, { tolerance, quantile }]) => [
      name,
      { relative: tolerance?.kind === 'relative', options: { quantile } },
    ]),
  );
  const parts = judged.map((slice) => ({
    slice,
    candidate: rowsOf(candidate, slice.rows),
    champion: champion === null ? null : rowsOf(champion, slice.rows),
  }));
  const { name: task } = taskNamed(args.task);
  return {
    comparisons: parts.flatMap((part) =>
      part.champion === null
        ? []
        : [{ task, candidate: part.candidate, champion: part.champion, metrics, resamples, seed, level }],
    ),
    record: (intervals) => ({
      columns: rules.slices.map((column) => countsOf(column, slices, judged)),
      resamples: champion === null ? 0 : resamples,
      judged: parts.map((part, index) => {
        const found = intervals[index] ?? {};
        return {
          column: part.slice.column,
          value: part.slice.value,
          rows: part.slice.rows.length,
          metrics: Object.fromEntries(
            compared.map(([name]) => [name, judgementOf(args, part, name, found[name] ?? null, level)]),
          ),
        };
      }),
    }),
  };
}

function largest(slices: readonly SliceRows[]): SliceRows[] {
  return slices
    .filter(({ rows }) => rows.length >= LEAST_ROWS)
    .toSorted((a, b) => b.rows.length - a.rows.length || (a.value < b.value ? -1 : 1))
    .slice(0, MOST_SLICES);
}

function countsOf(
  column: string,
  slices: readonly SliceRows[],
  judged: readonly SliceRows[],
): SliceRecord['columns'][number] {
  const values = slices.filter((each) => each.column === column).length;
  const notJudged = values - judged.filter((each) => each.column === column).length;
  return { column, values, notJudged, leastRows: LEAST_ROWS };
}

function judgementOf(
  { task, rules }: SliceArgs,
  part: { candidate: Predictions; champion: Predictions | null },
  name: string,
  ends: Pick<Interval, 'lower' | 'upper'> | null,
  level: number,
): Slice['metrics'][string] {
  const metric = taskNamed(task).metrics[name];
  const { tolerance, quantile } = rules.metrics[name] ?? {};
  const relative = tolerance?.kind === 'relative';
  const value = (predictions: Predictions | null) => {
    if (metric === undefined || predictions === null) return null;
    const found = measure(metric, predictions, undefined, { quantile });
    return Number.isFinite(found) ? found : null;
  };
  const [candidate, champion] = [value(part.candidate), value(part.champion)];
  return {
    candidate,
    champion,
    improvement:
      candidate === null || champion === null || metric === undefined
        ? null
        : improvement(metric.direction, champion, candidate, false),
    interval: ends === null ? null : { ...ends, level, relative },
    tooFew: taskNamed(task).tooFew?.(name, part.candidate.labels) ?? false,
  };
}

/** The predictions of some rows. */
export function rowsOf(predictions: Predictions, rows: Uint32Array): Predictions {
  const { labels, predicted, width, classes, weights } = predictions;
  const part = new Float64Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    part.set(predicted.subarray(row * width, (row + 1) * width), index * width);
  }
  const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row] ?? Number.NaN);
  return {
    rows: rows.length,
    labels: pick(labels),
    predicted: part,
    width,
    classes,
    ...(weights && { weights: pick(weights) }),
  };
}
