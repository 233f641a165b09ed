import { basename } from 'node:path';
import { EdgeloopError, messageOf } from '../../errors.ts';
import type { ColumnStatistics } from '../../onnx/index.ts';
import type { DataRecord, Overlap, Shift } from '../gate/record.ts';
import { rowsAtOnce, type TableReader } from '../tables/columns.ts';
import { isTable, openTable } from '../tables/open-table.ts';
import { indexRows, type RowIndex } from './overlap.ts';
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
  reference,
  signal,
}: DataArgs): Promise<MeasuredShift & { overlap: Overlap }> {
  const meter = shiftMeter(hasReason(reference) ? {} : reference);
  const overlap = overlapMeter(holdout, train.sampled);
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

/** One index of the holdout for each set of columns that a training file has in common with it; nearly always one. */
function overlapMeter(holdout: string, sampled: boolean) {
  const indexes = new Map<string, RowIndex>();
  let trainingRows = 0;
  return {
    async against(table: TableReader): Promise<RowIndex | undefined> {
      if (!isTable(holdout)) return undefined;
      const reader = await openTable(holdout);
      const columns = namesInCommon(reader, table);
      if (columns.length === 0) return undefined;
      const key = JSON.stringify(columns);
      const index = indexes.get(key) ?? (await indexRows(reader, columns));
      indexes.set(key, index);
      return index;
    },
    add(rows: number): void {
      trainingRows += rows;
    },
    finish(): Overlap {
      const all = [...indexes.values()];
      if (!isTable(holdout)) return notApplicable('the holdout is not a table');
      const [first] = all;
      if (first === undefined) return notApplicable('training data and holdout have no column in common');
      const found = Math.max(...all.map((index) => index.found()));
      return { outcome: 'measured', rows: first.rows, found, trainingRows, sampled };
    },
  };
}

function namesOf({ columns, arrays = [] }: Pick<TableReader, 'columns' | 'arrays'>): string[] {
  return [...columns, ...arrays.map(({ name }) => name)].toSorted();
}

/** What is a column in both tables, or an array in both. */
function namesInCommon(one: TableReader, other: TableReader): string[] {
  const columns = one.columns.filter((name) => other.columns.includes(name));
  const arrays = one.arrays?.filter(({ name }) => other.arrays?.some((array) => array.name === name));
  return namesOf({ columns, ...(arrays && { arrays }) });
}
