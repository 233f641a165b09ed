import { type BoostSettings, boost } from './boost.ts';
import { CLASSES } from './columns.ts';
import { InputError } from './csv.ts';
import { encode, rankByLabel } from './encode.ts';
import type { ChurnModel, ModelInput } from './onnx.ts';
import type { Table } from './table.ts';

/** What keeps the trees from following single customers. */
const CAUTION = { lambda: 1, minChildWeight: 1, minGain: 1e-6 };

/**
 * Fits a model to the table, text columns encoded as numbers. Throws an `InputError` when the rows hold nothing that
 * can be learned. `afterTree` hears the mean log loss on the training rows after each tree.
 */
export function fit(
  table: Table,
  settings: Pick<BoostSettings, 'trees' | 'depth' | 'rate'>,
  afterTree: (trees: number, logLoss: number) => void,
): ChurnModel {
  for (const [place, name] of CLASSES.entries()) {
    if (table.labels.includes(place)) continue;
    throw new InputError(`${table.source}: found no row with ${name}, expected rows of both labels`);
  }
  const inputs: ModelInput[] = [];
  const columns: number[][] = [];
  for (const column of table.columns) {
    if (column.kind === 'number') {
      inputs.push({ name: column.name, kind: 'number' });
      columns.push(column.values);
      continue;
    }
    const encoding = rankByLabel(column.values, table.labels);
    inputs.push({ name: column.name, kind: 'text', encoding });
    columns.push(encode(column.values, encoding));
  }
  const ensemble = boost(columns, table.labels, { ...settings, ...CAUTION }, afterTree);
  if (ensemble.trees[0]?.kind === 'leaf') {
    const found = `${table.labels.length} rows that no column tells apart`;
    throw new InputError(`${table.source}: found ${found}, expected more rows`);
  }
  return { inputs, classes: CLASSES, ensemble };
}
