import type { ColumnStatistics } from '../../onnx/index.ts';
import type { FeatureShift, Shift } from '../gate/record.ts';
import { CATEGORIES_KEPT, numericCell } from './statistics.ts';
import type { Batch } from '../tables/columns.ts';
import { type Bin, categoricalBins, numericBins, stabilityIndex } from './psi.ts';

/** How one feature was and is distributed; what a report draws. */
export interface Distribution {
  column: string;
  psi: number | null;
  bins: Bin[];
}

/** Which rows were read. */
export interface ReadPart {
  sampled: boolean;
  /** `new`: only files that the champion was not trained on. */
  part: 'all' | 'new';
}

/** Compares the rows of one or several tables with what a champion was trained on. */
export interface ShiftMeter {
  add(batch: Batch, columns: readonly string[]): void;
  finish(read: ReadPart): { shift: Shift; distributions: Distribution[] };
}

interface FeatureMeter {
  add(values: readonly string[]): void;
  finish(rows: number): { feature: FeatureShift; distribution: Distribution };
}

const EXAMPLES = 3;
/** Fewer rows cannot tell a shift from chance: a tenth of them must be several. */
const LEAST_ROWS = 50;

/** Starts a comparison with a card's reference statistics. */
export function shiftMeter(statistics: Readonly<Record<string, ColumnStatistics>>): ShiftMeter {
  const meters = new Map(
    Object.entries(statistics).map(([column, known]) => [column, featureMeter(column, known)]),
  );
  const seen = new Set<string>();
  let rows = 0;
  return {
    add: (batch, columns) => {
      rows += batch.rows;
      for (const [column, meter] of meters) {
        if (!columns.includes(column)) continue;
        seen.add(column);
        meter.add(batch.column(column));
      }
    },
    finish: (read) => {
      const found = [...meters].filter(([column]) => seen.has(column));
      if (found.length === 0) return notApplicable('no column is one that the champion was trained on');
      if (rows < LEAST_ROWS) return notApplicable(`${rows} rows are too few to tell a shift from chance`);
      const finished = found.map(([, meter]) => meter.finish(rows));
      return {
        shift: {
          outcome: 'measured',
          rows,
          ...read,
          features: finished.map(({ feature }) => feature),
          absent: [...meters.keys()].filter((column) => !seen.has(column)),
        },
        distributions: finished.map(({ distribution }) => distribution),
      };
    },
  };
}

function notApplicable(reason: string): { shift: Shift; distributions: Distribution[] } {
  return { shift: { outcome: 'not-applicable', reason }, distributions: [] };
}

function featureMeter(column: string, statistics: ColumnStatistics): FeatureMeter {
  return statistics.kind === 'numeric' ? numericMeter(column, statistics) : textMeter(column, statistics);
}

function numericMeter(
  column: string,
  statistics: Extract<ColumnStatistics, { kind: 'numeric' }>,
): FeatureMeter {
  const { bins, indexOf } = numericBins(statistics);
  return {
    add: (values) => {
      for (const text of values) {
        const bin = bins[indexOf(numericCell(text) ?? Number.NaN)];
        if (bin !== undefined) bin.count++;
      }
    },
    finish: () => {
      const psi = stabilityIndex(bins);
      return { feature: { column, psi, unknown: null, examples: [] }, distribution: { column, psi, bins } };
    },
  };
}

function textMeter(
  column: string,
  statistics: Extract<ColumnStatistics, { kind: 'categorical' }>,
): FeatureMeter {
  const { bins, indexOf } = categoricalBins(statistics);
  // A card that has as many as it keeps may lack some.
  const complete = Object.keys(statistics.shares).length < CATEGORIES_KEPT;
  const examples = new Set<string>();
  let unknown = 0;
  return {
    add: (values) => {
      for (const text of values) {
        const index = indexOf(text);
        const bin = bins[index];
        if (bin !== undefined) bin.count++;
        if (index < bins.length - 1 || text === '') continue;
        unknown++;
        if (examples.size < EXAMPLES) examples.add(text);
      }
    },
    finish: (rows) => {
      const psi = stabilityIndex(bins);
      const feature = {
        column,
        psi,
        unknown: complete ? unknown / rows : null,
        examples: complete ? [...examples] : [],
      };
      return { feature, distribution: { column, psi, bins } };
    },
  };
}
