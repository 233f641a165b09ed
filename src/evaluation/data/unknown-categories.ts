import type { ColumnStatistics } from '../../onnx/index.ts';
import { openTable } from '../tables/open-table.ts';
import { CATEGORIES_KEPT } from './statistics.ts';

/** Values of one text column that the training data do not have. */
export interface UnknownCategories {
  column: string;
  /** Rows that hold one. */
  rows: number;
  /** Up to three of the values, in the order in which they came. */
  examples: string[];
}

const ROWS_READ_AT_ONCE = 1000;
const EXAMPLES = 3;

/**
 * Which text inputs of a holdout hold values that the model was not trained on. ONNX Runtime takes such a value for a
 * default without a word, so nobody would notice otherwise.
 */
export async function unknownCategories(
  holdout: string,
  statistics: Readonly<Record<string, ColumnStatistics>>,
): Promise<UnknownCategories[]> {
  const table = await openTable(holdout);
  const columns = Object.entries(statistics).flatMap(([column, known]) => {
    if (known.kind !== 'categorical' || !table.columns.includes(column)) return [];
    const categories = new Set(Object.keys(known.shares));
    // A card that has as many as it keeps may lack some.
    return categories.size < CATEGORIES_KEPT
      ? [{ column, categories, rows: 0, examples: new Set<string>() }]
      : [];
  });
  for await (const batch of table.batches(ROWS_READ_AT_ONCE)) {
    for (const found of columns) {
      for (const value of batch.column(found.column)) {
        if (value === '' || found.categories.has(value)) continue;
        found.rows += 1;
        if (found.examples.size < EXAMPLES) found.examples.add(value);
      }
    }
  }
  return columns
    .filter(({ rows }) => rows > 0)
    .map(({ column, rows, examples }) => ({ column, rows, examples: [...examples] }));
}
