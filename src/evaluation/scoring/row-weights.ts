import { failure } from '../../errors.ts';
import { type Batch, quoted } from '../tables/columns.ts';
import { parseNumber } from '../tables/numbers.ts';

/** Collects the column that says how much each row counts. */
export interface WeightReader {
  /** Throws `weight-invalid` for a cell that is no number of at least 0. */
  add(batch: Batch): void;
  /** Throws `weight-none` when no row counts. */
  finish(file: string): { weights?: Float64Array };
}

/** Reads sample weights, if a column is named. */
export function rowWeights(column: string | undefined): WeightReader {
  if (column === undefined) return { add: () => undefined, finish: () => ({}) };
  const found: number[] = [];
  return {
    add: (batch) => {
      for (const [row, text] of batch.column(column).entries()) {
        const weight = parseNumber(text);
        if (weight === undefined || !(weight >= 0)) throw invalid(batch.place(row, column), text, column);
        found.push(weight);
      }
    },
    finish: (file) => {
      if (found.some((weight) => weight > 0)) return { weights: Float64Array.from(found) };
      throw failure(
        'weight-none',
        `${file}: no row has a weight above 0 in the column ${quoted(column)}.`,
        'Correct the column, or evaluate.weight in edgeloop.yaml.',
      );
    },
  };
}

function invalid(place: string, text: string, column: string): Error {
  return failure(
    'weight-invalid',
    `${place}: found ${quoted(text)} in the column ${quoted(column)} where a weight, a number of at least 0, was expected.`,
    'Correct the cell, or evaluate.weight in edgeloop.yaml.',
  );
}
