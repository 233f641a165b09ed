import { basename } from 'node:path';
import { EdgeloopError, messageOf } from '../../errors.ts';
import type { ColumnStatistics } from '../../onnx/index.ts';
import type { DataRecord, Overlap, Shift } from '../gate/record.ts';
import { rowsAtOnce } from '../tables/columns.ts';
import { isTable, openTable } from '../tables/open-table.ts';
import { namesOf, overlapMeter } from './overlap.ts';
import { type Distribution, shiftMeter } from './shift.ts';

/** Training data as the checks see them. */
export interface TrainingData {
  /** Tables; empty when there are none to read. */
  files: readonly string[];
  /**
   * Those of them that the champion was not trained on; `undefined` when nobody knows. Old data beside them would hide a
   * shift. When there are none, all of the data are compared.
   */
  fresh?: readonly string[] | undefined;
  /** True when these are only part of the data. */
  sampled: boolean;
  /** Why there is nothing to read. */
  reason?: string;
}

export interface DataArgs {
  train: TrainingData;
  holdout: string;
  /** Columns of the holdout that are no features: the label, the weight, the slices. */
  notFeatures: readonly string[];
  /** Reference statistics of the champion's card, or why there are none. */
  reference: Readonly<Record<string, ColumnStatistics>> | { reason: string };
  signal?: AbortSignal | undefined;
}

/** What was found in the data, and what a report draws of it: the training data first. */
export interface DataFindings {
  record: DataRecord;
  distributions: { train: Distribution[]; holdout: Distribution[] };
}

type Reference = DataArgs['reference'];
const hasReason = (reference: Reference): reference is { reason: string } =>
  typeof reference['reason'] === 'string';

/**
 * Compares training data and holdout with what the champion was trained on, and looks for rows of the holdout in the
 * training data, reading each file once. What cannot be compared is recorded with its reason.
 */
export async function inspectData(args: DataArgs): Promise<DataFindings> {
  const { train, reference } = args;
  const holdout = await holdoutShift(args);
  const unreadable = train.reason ?? reasonFor(train.files);
  if (unreadable !== undefined) {
    const shift = notApplicable(hasReason(reference) ? reference.reason : unreadable);
    return {
      record: { train: shift, holdout: holdout.shift, overlap: notApplicable(unreadable) },
      distributions: { train: [], holdout: holdout.distributions },
    };
  }
  const found = await readTraining(args).catch((error: unknown) => {
    // A valid file that is no table after all, with nested values for example.
    if (!(error instanceof EdgeloopError) || error.code !== 'table-shape') throw error;
    const why = train.files.reduce((text, file) => text.replaceAll(file, basename(file)), messageOf(error));
    const shift = notApplicable(`the training data are not tables: ${why}`);
    return { shift, overlap: shift, distributions: [] };
  });
  return {
    record: { train: found.shift, holdout: holdout.shift, overlap: found.overlap },
    distributions: { train: found.distributions, holdout: holdout.distributions },
  };
}

function reasonFor(files: readonly string[]): string | undefined {
  if (files.length === 0) return 'there are no training data';
  return files.every(isTable) ? undefined : 'the training data are not tables';
}

const notApplicable = (reason: string): { outcome: 'not-applicable'; reason: string } => ({
  outcome: 'not-applicable',
  reason,
});

interface MeasuredShift {
  shift: Shift;
  distributions: Distribution[];
}

async function holdoutShift({ holdout, reference, signal }: DataArgs): Promise<MeasuredShift> {
  if (hasReason(reference)) return { shift: notApplicable(reference.reason), distributions: [] };
  if (!isTable(holdout)) return { shift: notApplicable('the holdout is not a table'), distributions: [] };
  const meter = shiftMeter(reference);
  const table = await openTable(holdout);
  for await (const batch of table.batches(rowsAtOnce())) {
    signal?.throwIfAborted();
    meter.add(batch, table.columns);
  }
  return meter.finish({ sampled: false, part: 'all' });
}

async function readTraining({
  train,
  holdout,
  notFeatures,
  reference,
  signal,
}: DataArgs): Promise<MeasuredShift & { overlap: Overlap }> {
  const meter = shiftMeter(hasReason(reference) ? {} : reference);
  const overlap = overlapMeter(holdout, notFeatures, train.sampled);
  const fresh = train.fresh !== undefined && train.fresh.length > 0 ? new Set(train.fresh) : undefined;
  for (const file of train.files) {
    const table = await openTable(file);
    const index = await overlap.against(table);
    // What the file holds besides is the training's own business, and so is how it is written.
    if (index === undefined && !table.columns.some((name) => Object.hasOwn(reference, name))) continue;
    for await (const batch of table.batches(rowsAtOnce(table.arrays), namesOf(table))) {
      signal?.throwIfAborted();
      if (!hasReason(reference) && (fresh?.has(file) ?? true)) meter.add(batch, table.columns);
      overlap.add(batch.rows);
      index?.meet(batch);
    }
  }
  const measured = hasReason(reference)
    ? { shift: notApplicable(reference.reason), distributions: [] }
    : meter.finish({ sampled: train.sampled, part: fresh === undefined ? 'all' : 'new' });
  return { ...measured, overlap: overlap.finish() };
}
