import type { Binned } from './bins.ts';

/** A tree: a leaf adds its value to the score; a split sends a row low when its feature is `threshold` or less. */
export type Tree =
  | { kind: 'leaf'; value: number }
  | { kind: 'split'; feature: number; threshold: number; low: Tree; high: Tree };

/** When a node is split, and how far a leaf may go. */
export interface TreeSettings {
  /** Splits between the root and a leaf, at most. */
  depth: number;
  /** Learning rate: the share of its best correction that a leaf makes. */
  rate: number;
  /** L2 penalty on the values of the leaves. */
  lambda: number;
  /** The least sum of hessians in a child, so that a leaf needs rows that are still uncertain. */
  minChildWeight: number;
  /** The least gain for which a node is split. */
  minGain: number;
}

/** First and second derivative of the loss by the score, per row (or, in a histogram, summed per bin). */
export interface Derivatives {
  gradient: Float64Array;
  hessian: Float64Array;
}

/** What a tree is grown from. `onLeaf` is told which rows reach each leaf, and its value. */
export interface Growth {
  features: Binned[];
  by: Derivatives;
  settings: TreeSettings;
  onLeaf: (rows: Uint32Array, value: number) => void;
}

/**
 * Grows the tree that lowers the loss most, greedily, for these rows: leaf values and gains as in XGBoost
 * (Chen and Guestrin 2016, equations 5 and 7), with splits looked for between bins only.
 */
export function grow(growth: Growth, rows: Uint32Array, depth = growth.settings.depth): Tree {
  const split = depth === 0 ? undefined : bestSplit(growth, rows);
  return split === undefined ? leaf(growth, rows) : branch(growth, rows, split, depth);
}

/** What a tree adds to the score of a row, given by its feature values. */
export function leafValue(tree: Tree, row: readonly number[]): number {
  if (tree.kind === 'leaf') return tree.value;
  return leafValue((row[tree.feature] ?? NaN) <= tree.threshold ? tree.low : tree.high, row);
}

function leaf({ by, settings, onLeaf }: Growth, rows: Uint32Array): Tree {
  const { gradient, hessian } = sums(by, rows);
  // float32, so that the training goes on from the very value that the model file will hold.
  const value = Math.fround((-settings.rate * gradient) / (hessian + settings.lambda));
  onLeaf(rows, value);
  return { kind: 'leaf', value };
}

function branch(growth: Growth, rows: Uint32Array, split: Split, depth: number): Tree {
  const { feature, threshold, bins, bin } = split;
  const isLow = (row: number): boolean => (bins[row] ?? 0) <= bin;
  const low = rows.filter((row) => isLow(row));
  const high = rows.filter((row) => !isLow(row));
  return {
    kind: 'split',
    feature,
    threshold,
    low: grow(growth, low, depth - 1),
    high: grow(growth, high, depth - 1),
  };
}

interface Split {
  feature: number;
  /** The bin of each row, and the last bin that goes low. */
  bins: Uint8Array;
  bin: number;
  /** The upper cut of that bin. */
  threshold: number;
}

/** The split with the largest gain; of equal ones the first, by the order of the features and their bins. */
function bestSplit({ features, by, settings }: Growth, rows: Uint32Array): Split | undefined {
  const { lambda, minChildWeight, minGain } = settings;
  const all = sums(by, rows);
  const worth = (gradient: number, hessian: number): number => (gradient * gradient) / (hessian + lambda);
  const parent = worth(all.gradient, all.hessian);
  let best: Split | undefined;
  let bestGain = minGain;
  for (const [feature, { cuts, bins }] of features.entries()) {
    const histogram = histogramOf(bins, cuts.length + 1, by, rows);
    let gradient = 0;
    let hessian = 0;
    for (const [bin, threshold] of cuts.entries()) {
      gradient += histogram.gradient[bin] ?? 0;
      hessian += histogram.hessian[bin] ?? 0;
      if (hessian < minChildWeight) continue;
      if (all.hessian - hessian < minChildWeight) break;
      const gain = worth(gradient, hessian) + worth(all.gradient - gradient, all.hessian - hessian) - parent;
      if (gain <= bestGain) continue;
      best = { feature, bins, bin, threshold };
      bestGain = gain;
    }
  }
  return best;
}

/** The derivatives summed per bin: one pass over the rows answers for every possible split of a feature. */
function histogramOf(bins: Uint8Array, count: number, by: Derivatives, rows: Uint32Array): Derivatives {
  const gradient = new Float64Array(count);
  const hessian = new Float64Array(count);
  for (const row of rows) {
    const bin = bins[row] ?? 0;
    gradient[bin] = (gradient[bin] ?? 0) + (by.gradient[row] ?? 0);
    hessian[bin] = (hessian[bin] ?? 0) + (by.hessian[row] ?? 0);
  }
  return { gradient, hessian };
}

function sums(by: Derivatives, rows: Uint32Array): { gradient: number; hessian: number } {
  let gradient = 0;
  let hessian = 0;
  for (const row of rows) {
    gradient += by.gradient[row] ?? 0;
    hessian += by.hessian[row] ?? 0;
  }
  return { gradient, hessian };
}
