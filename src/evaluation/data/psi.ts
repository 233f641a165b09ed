import type { ColumnStatistics } from '../../onnx/index.ts';

/** One bin of a feature: its share of the champion's training data, and how many rows of the new data fall into it. */
export interface Bin {
  /** What lies in it: `<= 143.3`, `CA`, `missing`, `other`. */
  name: string;
  expected: number;
  count: number;
}

/** Of a share that is 0, whose logarithm would not be finite. */
const LEAST_SHARE = 1e-6;
/** A bin in which fewer rows than this are expected says more about chance than about a shift (Cochran 1954). */
const LEAST_EXPECTED_ROWS = 5;

/**
 * Population stability index: the sum over bins of (found - expected) ln(found / expected), shares of the rows
 * (Siddiqi 2006, Credit Risk Scorecards; it is the symmetrised Kullback-Leibler divergence). Bins in which too few rows
 * are expected are taken together. `null` when there are too few rows for two bins.
 */
export function stabilityIndex(bins: readonly Bin[]): number | null {
  const rows = bins.reduce((sum, { count }) => sum + count, 0);
  const large = bins.filter(({ expected }) => expected * rows >= LEAST_EXPECTED_ROWS);
  const small = bins.filter((bin) => !large.includes(bin));
  if (rows === 0 || large.length === 0 || rows < 2 * LEAST_EXPECTED_ROWS) return null;
  const pooled = {
    expected: small.reduce((sum, { expected }) => sum + expected, 0),
    count: small.reduce((sum, { count }) => sum + count, 0),
  };
  return [...large, pooled].reduce((sum, { expected, count }) => {
    const [found, wanted] = [Math.max(count / rows, LEAST_SHARE), Math.max(expected, LEAST_SHARE)];
    return sum + (found - wanted) * Math.log(found / wanted);
  }, 0);
}

/** The bins that a card's statistics make, empty yet, and which one a value falls into. */
export interface Binning {
  bins: Bin[];
  /** Index of the bin of a number (NaN: missing), or of a text. */
  indexOf: (value: number | string) => number;
}

type Numeric = Extract<ColumnStatistics, { kind: 'numeric' }>;
type Categorical = Extract<ColumnStatistics, { kind: 'categorical' }>;

/** Bins of a number: those that its distinct deciles cut, and one for missing values. */
export function numericBins(statistics: Numeric): Binning {
  const cuts = [...new Set(statistics.deciles)];
  const missing = statistics.missing ?? 0;
  const shares = statistics.shares ?? sharesOfDeciles(statistics.deciles, cuts);
  const names = cuts.map((cut) => `<= ${cut}`);
  const last = cuts.at(-1);
  const bins = [...names, last === undefined ? 'all' : `> ${last}`].map((name, index) => ({
    name,
    expected: (shares[index] ?? 0) * (1 - missing),
    count: 0,
  }));
  bins.push({ name: 'missing', expected: missing, count: 0 });
  return {
    bins,
    indexOf: (value) => {
      const number = Number(value);
      if (Number.isNaN(number)) return bins.length - 1;
      const index = cuts.findIndex((cut) => number <= cut);
      return index === -1 ? cuts.length : index;
    },
  };
}

/** What nine deciles say of the bins that they cut; of values that repeat only about. */
function sharesOfDeciles(deciles: readonly number[], cuts: readonly number[]): number[] {
  const below = cuts.map((cut) => (deciles.lastIndexOf(cut) + 1) / 10);
  return [...below, 1].map((share, index) => share - (below[index - 1] ?? 0));
}

/** Bins of a text: one for each category that the champion was trained on, and one for all others. */
export function categoricalBins({ shares }: Categorical): Binning {
  const known = new Map(Object.keys(shares).map((category, index) => [category, index]));
  const bins = Object.entries(shares).map(([category, expected]) => ({
    name: category === '' ? 'missing' : category,
    expected,
    count: 0,
  }));
  const all = bins.reduce((sum, { expected }) => sum + expected, 0);
  bins.push({ name: 'other', expected: Math.max(0, 1 - all), count: 0 });
  return { bins, indexOf: (value) => known.get(String(value)) ?? bins.length - 1 };
}
