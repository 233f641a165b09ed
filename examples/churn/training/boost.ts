import { binColumn } from './bins.ts';
import { type Derivatives, type Tree, type TreeSettings, grow, leafValue } from './trees.ts';

/** A boosted model: the score of a row is `base` plus what each tree adds; its probability is `sigmoid(score)`. */
export interface Ensemble {
  base: number;
  trees: Tree[];
}

/** How many trees, and of which kind. */
export interface BoostSettings extends TreeSettings {
  trees: number;
}

/**
 * Fits gradient boosted trees with logistic loss. `columns` holds a float32 value per feature and row, `labels` 0 or
 * 1 per row with both present. `afterTree` hears the mean log loss on the training rows after each tree.
 */
export function boost(
  columns: readonly number[][],
  labels: readonly number[],
  settings: BoostSettings,
  afterTree: (trees: number, logLoss: number) => void,
): Ensemble {
  const features = columns.map((column) => binColumn(column));
  const share = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  const base = Math.fround(Math.log(share / (1 - share)));
  const scores = new Float64Array(labels.length).fill(base);
  const onLeaf = (rows: Uint32Array, value: number): void => {
    for (const row of rows) scores[row] = (scores[row] ?? 0) + value;
  };

  const trees: Tree[] = [];
  while (trees.length < settings.trees) {
    const by = derivatives(scores, labels);
    trees.push(grow({ features, by, settings, onLeaf }, Uint32Array.from(labels.keys())));
    afterTree(trees.length, logLoss(scores, labels));
  }
  return { base, trees };
}

/** The score of one row, given by its feature values: the log odds of class 1. */
export function scoreOf(ensemble: Ensemble, row: readonly number[]): number {
  return ensemble.trees.reduce((sum, tree) => sum + leafValue(tree, row), ensemble.base);
}

/** The probability of class 1 that belongs to a score. */
export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

function derivatives(scores: Float64Array, labels: readonly number[]): Derivatives {
  // In steps of 2^-20, because the last bit of Math.exp may differ between machines and the model must not.
  const probabilities = scores.map((score) => Math.round(sigmoid(score) * 2 ** 20) / 2 ** 20);
  return {
    gradient: probabilities.map((probability, row) => probability - (labels[row] ?? 0)),
    hessian: probabilities.map((probability) => probability * (1 - probability)),
  };
}

function logLoss(scores: Float64Array, labels: readonly number[]): number {
  let sum = 0;
  for (const [row, label] of labels.entries()) {
    const score = scores[row] ?? 0;
    sum += Math.log1p(Math.exp(label === 1 ? -score : score));
  }
  return sum / labels.length;
}
