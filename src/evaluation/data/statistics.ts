import { EdgeloopError, failure } from '../../errors.ts';
import type { ColumnStatistics, ModelSignature } from '../../onnx/index.ts';
import { quoted } from '../tables/columns.ts';
import { featureColumns } from '../scoring/input-columns.ts';
import { parseNumber } from '../tables/numbers.ts';
import { isTable, openTable } from '../tables/open-table.ts';
import { type Random, seededRandom } from '../random.ts';

const ROWS_READ_AT_ONCE = 1000;
/** Up to this many values deciles are exact; above they come from a uniform sample of this size, drawn by a fixed seed. */
const SAMPLE = 100_000;
/** A column with more categories keeps its most frequent ones: a card is small. */
export const CATEGORIES_KEPT = 1000;
/** Categories that first appear after this many others are not counted, so that a column of ids stays bounded. */
const CATEGORIES_COUNTED = 100_000;

interface ColumnSummary {
  add(text: string): boolean;
  finish(): ColumnStatistics | undefined;
}

/**
 * Reference statistics of the training data's columns that fill inputs of the model, over all files together; missing
 * values are left out. Numbers carry six significant digits, so that the card is the same on every machine.
 * `undefined` when a file is not a table or no column fills an input. Throws `cell-not-a-number` and the reader's failures.
 */
export async function referenceStatistics(
  files: readonly string[],
  modelSignature: ModelSignature,
  featureOrder?: readonly string[],
): Promise<Record<string, ColumnStatistics> | undefined> {
  if (files.length === 0 || !files.every(isTable)) return undefined;
  const summaries = new Map(
    featureColumns(modelSignature, featureOrder).map(({ name, dataType }) => [
      name,
      dataType === 'BYTES' ? categorical() : numeric(),
    ]),
  );
  try {
    for (const file of files) await addFile(file, summaries);
  } catch (error) {
    // JSON Lines, Parquet and NPZ hold more than tables, and a training may read what has no statistics here.
    if (error instanceof EdgeloopError && error.code === 'table-shape') return undefined;
    throw error;
  }
  const found = [...summaries].flatMap(([name, summary]) => {
    const statistics = summary.finish();
    return statistics === undefined ? [] : [[name, statistics] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

async function addFile(file: string, summaries: ReadonlyMap<string, ColumnSummary>): Promise<void> {
  const table = await openTable(file);
  const used = [...summaries].filter(([name]) => table.columns.includes(name));
  if (used.length === 0) return;
  for await (const batch of table.batches(ROWS_READ_AT_ONCE)) {
    for (const [name, summary] of used) {
      for (const [row, text] of batch.column(name).entries()) {
        if (!summary.add(text)) throw notANumber(batch.place(row, name), text, name);
      }
    }
  }
}

function categorical(): ColumnSummary {
  const counts = new Map<string, number>();
  let rows = 0;
  return {
    add: (text) => {
      rows++;
      const count = counts.get(text);
      if (count !== undefined || counts.size < CATEGORIES_COUNTED) counts.set(text, (count ?? 0) + 1);
      return true;
    },
    finish: () => {
      if (rows === 0) return undefined;
      const frequent = [...counts]
        .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
        .slice(0, CATEGORIES_KEPT)
        .map(([category, count]) => [category, rounded(count / rows)] as const);
      return { kind: 'categorical', rows, shares: Object.fromEntries(frequent) };
    },
  };
}

function numeric(): ColumnSummary {
  const random = seededRandom(0);
  const sample: number[] = [];
  let [rows, mean, squares, missing] = [0, 0, 0, 0];
  let [minimum, maximum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    add: (text) => {
      const value = numericCell(text);
      if (value === undefined) return false;
      if (Number.isNaN(value)) {
        missing++;
        return true;
      }
      rows++;
      // Welford 1962: one pass without cancellation.
      const difference = value - mean;
      mean += difference / rows;
      squares += difference * (value - mean);
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
      addToSample(sample, value, rows, random);
      return true;
    },
    finish: () => {
      if (rows === 0) return undefined;
      const cuts = deciles(sample);
      return {
        kind: 'numeric',
        rows,
        mean: rounded(mean),
        standardDeviation: rounded(Math.sqrt(squares / rows)),
        minimum: rounded(minimum),
        maximum: rounded(maximum),
        deciles: cuts,
        shares: shares(sample, [...new Set(cuts)]),
        missing: rounded(missing / (rows + missing)),
      };
    },
  };
}

/** Algorithm R (Vitter 1985): after n values each of them is in the sample with probability SAMPLE / n. */
function addToSample(sample: number[], value: number, rows: number, random: Random): void {
  if (sample.length < SAMPLE) {
    sample.push(value);
    return;
  }
  const draw = new Uint32Array(1);
  random(draw);
  const slot = Math.floor(((draw[0] ?? 0) / 2 ** 32) * rows);
  if (slot < SAMPLE) sample[slot] = value;
}

/** Nine cut points by linear interpolation (Hyndman and Fan 1996, type 7: numpy's default). */
function deciles(values: readonly number[]): number[] {
  const ascending = Float64Array.from(values).toSorted();
  return Array.from({ length: 9 }, (_, index) => {
    const position = ((index + 1) / 10) * (ascending.length - 1);
    const below = ascending[Math.floor(position)] ?? 0;
    const above = ascending[Math.ceil(position)] ?? 0;
    return rounded(below + (above - below) * (position - Math.floor(position)));
  });
}

/** Share of the values up to each cut and above the one before; the last share is of those above all. */
function shares(values: readonly number[], cuts: readonly number[]): number[] {
  const counts = new Uint32Array(cuts.length + 1);
  for (const value of values) {
    const index = cuts.findIndex((cut) => value <= cut);
    const at = index === -1 ? cuts.length : index;
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return Array.from(counts, (count) => rounded(count / values.length));
}

/** A cell as a number, true and false as 1 and 0; NaN when it is missing, `undefined` when it is something else. */
export function numericCell(text: string): number | undefined {
  const lower = text.trim().toLowerCase();
  if (lower === 'true') return 1;
  return lower === 'false' ? 0 : parseNumber(text);
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

function notANumber(place: string, text: string, name: string): Error {
  return failure(
    'cell-not-a-number',
    `${place}: found ${quoted(text)} in the column ${quoted(name)} where a number was expected.`,
    'Correct the cell, or train a model whose input takes text.',
  );
}
