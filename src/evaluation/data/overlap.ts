import { hash } from 'node:crypto';
import type { Overlap } from '../gate/record.ts';
import { type Batch, quoted, rowsAtOnce, type TableReader } from '../tables/columns.ts';
import { isTable, openTable } from '../tables/open-table.ts';
import { parseNumber } from '../tables/numbers.ts';

/** The rows of a holdout by their hash, and which of them were met in the training data. */
export interface RowIndex {
  rows: number;
  /** Takes rows of the training data. */
  meet(batch: Batch): void;
  /** Rows of the holdout that were met. */
  found(): number;
}

/** 48 bits: of a million rows against a million others one pair in three hundred such comparisons is alike by chance. */
const HASH_BYTES = 6;

/**
 * Hashes every row of the holdout over these columns, eight bytes of memory a row. A cell counts as the number or the
 * text that it is: `1.0` is `1`, in whatever format it is written.
 */
export async function indexRows(holdout: TableReader, columns: readonly string[]): Promise<RowIndex> {
  const hashes: number[] = [];
  for await (const batch of holdout.batches(rowsAtOnce(holdout.arrays), columns)) {
    for (const each of rowHashes(batch, holdout, columns)) hashes.push(each);
  }
  const sorted = Float64Array.from(hashes).toSorted();
  const met = new Uint8Array(sorted.length);
  return {
    rows: sorted.length,
    meet: (batch) => {
      for (const each of rowHashes(batch, holdout, columns)) {
        const at = firstOf(sorted, each);
        if (sorted[at] === each) met[at] = 1;
      }
    },
    found: () => {
      let found = 0;
      let here = false;
      for (const [index, each] of sorted.entries()) {
        if (sorted[index - 1] !== each) here = met[index] === 1;
        if (here) found++;
      }
      return found;
    },
  };
}

/** Counts the rows of a holdout that are met in training data. */
export interface OverlapMeter {
  /** What to meet a training file's rows with; `undefined` for one that can't be compared with the holdout. */
  against(table: TableReader): Promise<RowIndex | undefined>;
  add(rows: number): void;
  finish(): Overlap;
}

/**
 * Rows are alike when all features of the holdout are, and its other columns as far as the training data have them:
 * a label alone would be found everywhere.
 */
export function overlapMeter(
  holdout: string,
  notFeatures: readonly string[],
  sampled: boolean,
): OverlapMeter {
  const indexes = new Map<string, RowIndex>();
  const missing = new Set<string>();
  let trainingRows = 0;
  return {
    async against(table) {
      if (!isTable(holdout)) return undefined;
      const reader = await openTable(holdout);
      const common = namesInCommon(reader, table);
      const lacking = namesOf(reader).find((name) => !common.includes(name) && !notFeatures.includes(name));
      if (lacking !== undefined) {
        missing.add(lacking);
        return undefined;
      }
      const key = JSON.stringify(common);
      const index = indexes.get(key) ?? (await indexRows(reader, common));
      indexes.set(key, index);
      return index;
    },
    add: (rows) => {
      trainingRows += rows;
    },
    finish: () => {
      if (!isTable(holdout)) return notApplicable('the holdout is not a table');
      const all = [...indexes.values()];
      const [first] = all;
      if (first === undefined) {
        const [name] = missing;
        return notApplicable(`the training data have no column ${quoted(name ?? '')} as the holdout has one`);
      }
      const found = Math.max(...all.map((index) => index.found()));
      return { outcome: 'measured', rows: first.rows, found, trainingRows, sampled };
    },
  };
}

const notApplicable = (reason: string): Overlap => ({ outcome: 'not-applicable', reason });

/** All columns and arrays. */
export function namesOf({ columns, arrays = [] }: Pick<TableReader, 'columns' | 'arrays'>): string[] {
  return [...columns, ...arrays.map(({ name }) => name)].toSorted();
}

/** What is a column in both tables, or an array in both. */
function namesInCommon(one: TableReader, other: TableReader): string[] {
  const columns = one.columns.filter((name) => other.columns.includes(name));
  const arrays = one.arrays?.filter(({ name }) => other.arrays?.some((array) => array.name === name));
  return namesOf({ columns, ...(arrays && { arrays }) });
}

function rowHashes(
  batch: Batch,
  { arrays = [] }: Pick<TableReader, 'arrays'>,
  columns: readonly string[],
): number[] {
  const parts = columns.map((name) => {
    const array = arrays.find((each) => each.name === name);
    return array === undefined ? textsOf(batch, name) : bytesOf(batch, name);
  });
  return Array.from({ length: batch.rows }, (_, row) => {
    const text = parts.map((part) => part(row)).join('\u001F');
    return hash('sha256', text, 'buffer').readUIntBE(0, HASH_BYTES);
  });
}

function textsOf(batch: Batch, name: string): (row: number) => string {
  const texts = batch.column(name);
  return (row) => {
    const text = texts[row] ?? '';
    const number = parseNumber(text);
    return number === undefined || Number.isNaN(number) ? text.trim() : String(number);
  };
}

function bytesOf(batch: Batch, name: string): (row: number) => string {
  const bytes = Buffer.from(batch.array?.(name) ?? new Uint8Array());
  const size = bytes.length / batch.rows;
  return (row) => bytes.toString('latin1', row * size, (row + 1) * size);
}

function firstOf(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
