import { type Weights, weightedMean } from './task.ts';

/** Share of rows whose predicted class is the true one (scikit-learn `accuracy_score`); see `predictsOne`. */
export function prepareAccuracy(
  labels: Float64Array,
  probabilities: Float64Array,
): (weights: Weights) => number {
  const hits = Uint8Array.from(probabilities, (probability, row) =>
    predictsOne(probability) === (labels[row] === 1) ? 1 : 0,
  );
  return (weights) => weightedMean(hits, weights);
}

/** Precision of class 1: TP / (TP + FP) (scikit-learn `precision_score`). */
export function preparePrecision(
  labels: Float64Array,
  probabilities: Float64Array,
): (weights: Weights) => number {
  return hitsAmong(labels, probabilities, (_, predicted) => predicted);
}

/** Recall of class 1: TP / (TP + FN) (scikit-learn `recall_score`). */
export function prepareRecall(
  labels: Float64Array,
  probabilities: Float64Array,
): (weights: Weights) => number {
  return hitsAmong(labels, probabilities, (truth) => truth);
}

/** F1 of class 1: 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979; scikit-learn `f1_score`). */
export function prepareF1(labels: Float64Array, probabilities: Float64Array): (weights: Weights) => number {
  return hitsAmong(labels, probabilities, (truth, predicted) => (truth + predicted) / 2);
}

/** True positives as a share of what `counted` adds up, 0 where that is nothing (scikit-learn's `zero_division`) and NaN when no row counts. */
function hitsAmong(
  labels: Float64Array,
  probabilities: Float64Array,
  counted: (truth: number, predicted: number) => number,
): (weights: Weights) => number {
  const predicted = Uint8Array.from(probabilities, (probability) => (predictsOne(probability) ? 1 : 0));
  const hits = Uint8Array.from(predicted, (each, row) => each * (labels[row] ?? 0));
  const shares = labels.map((truth, row) => counted(truth, predicted[row] ?? 0));
  return (weights) => {
    let [hit, all, total] = [0, 0, 0];
    for (let row = 0; row < shares.length; row++) {
      const weight = weights[row] ?? 0;
      hit += weight * (hits[row] ?? 0);
      all += weight * (shares[row] ?? 0);
      total += weight;
    }
    if (total === 0) return Number.NaN;
    return all === 0 ? 0 : hit / all;
  };
}

/** The class with the higher probability, class 0 on a tie, as `predict` of scikit-learn's classifiers has it. */
function predictsOne(probability: number): boolean {
  return probability > 0.5;
}
