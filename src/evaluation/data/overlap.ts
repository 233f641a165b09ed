import { hash } from 'node:crypto';
import { type Batch, rowsAtOnce, type TableReader } from '../tables/columns.ts';
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
