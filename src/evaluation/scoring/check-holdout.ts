import { misuse } from '../../errors.ts';
import { rowWeights } from './row-weights.ts';
import { checkColumns } from './score.ts';
import { isTable, openTable } from '../tables/open-table.ts';
import { taskNamed } from '../tasks/tasks.ts';

/** What a holdout has to offer. */
export interface HoldoutSettings {
  /** Path. */
  holdout: string;
  label: string;
  task: string;
  weight?: string | undefined;
  slices: readonly string[];
  /** True when a command of the user's predicts, so that it need not be a table. */
  predicted: boolean;
}

const ROWS_READ_AT_ONCE = 1000;

/**
 * Reads a holdout without a model, so that what is wrong with it is known before anything is trained: the file, the
 * columns of label, weights and slices, the classes. Throws what scoring would throw, and the misuse `slices-no-table`.
 */
export async function checkHoldout(settings: HoldoutSettings): Promise<void> {
  const { holdout, label, weight, slices, predicted } = settings;
  const truth = taskNamed(settings.task).labels();
  if (predicted && !isTable(holdout)) {
    if (slices.length === 0) return;
    throw misuse(
      'slices-no-table',
      `evaluate.slices names ${slices.join(', ')}, and ${holdout} is no table that has columns`,
      'Give a holdout that is a table, or remove evaluate.slices.',
    );
  }
  const table = await openTable(holdout);
  checkColumns(table, [label, ...(weight === undefined ? [] : [weight]), ...slices]);
  const weights = rowWeights(weight);
  for await (const batch of table.batches(ROWS_READ_AT_ONCE)) {
    truth.add(batch, label);
    weights.add(batch);
  }
  truth.finish(holdout, label);
  weights.finish(holdout);
}
