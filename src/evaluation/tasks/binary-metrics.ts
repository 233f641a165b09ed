import type { MetricOf } from '../../config/index.ts';
import { type Metric, type Predictions, type Weights, weightedMean } from './task.ts';

/** The metrics of binary classification; each equals scikit-learn's on the same labels and probabilities of class 1. */
export const BINARY_METRICS: Readonly<Record<MetricOf<'binary-classification'>, Metric>> = {
  auc: metric('maximise', prepareAuc),
  log_loss: metric('minimise', prepareLogLoss),
  accuracy: metric('maximise', prepareAccuracy),
  f1: metric('maximise', prepareF1),
};

type Prepare = (labels: Float64Array, probabilities: Float64Array) => (weights: Weights) => number;

function metric(direction: Metric['direction'], prepare: Prepare): Metric {
  return { direction, prepare: (predictions) => prepare(predictions.labels, ofClassOne(predictions)) };
}

/** Of two columns the second. */
export function ofClassOne({ rows, predicted }: Predictions): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => predicted[2 * row + 1] ?? Number.NaN);
}

/**
 * Area under the ROC curve as the Mann-Whitney statistic: the share of (positive, negative) pairs in which the
 * positive one has the higher probability, a tie counting half (Hanley and McNeil 1982; scikit-learn
 * `roc_auc_score`). NaN when the weights leave one class only.
 */
function prepareAuc(labels: Float64Array, probabilities: Float64Array): (weights: Weights) => number {
  const order = Uint32Array.from(labels, (_, row) => row);
  order.sort((a, b) => (probabilities[a] ?? 0) - (probabilities[b] ?? 0));
  const sortedLabels = Uint8Array.from(order, (row) => labels[row] ?? 0);
  const endsTie = Uint8Array.from(order, (row, i) =>
    probabilities[row] === probabilities[order[i + 1] ?? -1] ? 0 : 1,
  );
  return (weights) => {
    let pairs = 0;
    let negativesBelow = 0;
    let allPositives = 0;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (let i = 0; i < order.length; i++) {
      const weight = weights[order[i] ?? 0] ?? 0;
      if (sortedLabels[i] === 1) tiedPositives += weight;
      else tiedNegatives += weight;
      if (endsTie[i] === 0) continue;
      pairs += tiedPositives * (negativesBelow + tiedNegatives / 2);
      negativesBelow += tiedNegatives;
      allPositives += tiedPositives;
      tiedPositives = 0;
      tiedNegatives = 0;
    }
    return pairs / (allPositives * negativesBelow);
  };
}

/**
 * Mean negative log-likelihood, natural logarithm (Bishop 2006, p. 209; scikit-learn `log_loss`), with probabilities
 * clipped to [e, 1 - e], e the machine epsilon of float64.
 */
function prepareLogLoss(labels: Float64Array, probabilities: Float64Array): (weights: Weights) => number {
  const epsilon = Number.EPSILON;
  const losses = Float64Array.from(probabilities, (probability, row) => {
    const ofTruth = labels[row] === 1 ? probability : 1 - probability;
    return -Math.log(Math.min(Math.max(ofTruth, epsilon), 1 - epsilon));
  });
  return (weights) => weightedMean(losses, weights);
}

/** Share of rows whose predicted class is the true one (scikit-learn `accuracy_score`); see `predictsOne`. */
function prepareAccuracy(labels: Float64Array, probabilities: Float64Array): (weights: Weights) => number {
  const hits = Float64Array.from(probabilities, (probability, row) =>
    predictsOne(probability) === (labels[row] === 1) ? 1 : 0,
  );
  return (weights) => weightedMean(hits, weights);
}

/**
 * F1 of class 1: 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979; scikit-learn `f1_score`), and 0 where that is 0/0, as
 * its `zero_division` default has it.
 */
function prepareF1(labels: Float64Array, probabilities: Float64Array): (weights: Weights) => number {
  const truePositives = Float64Array.from(probabilities, (probability, row) =>
    predictsOne(probability) ? (labels[row] ?? 0) : 0,
  );
  // A row that is positive and predicted so stands twice in the denominator, a wrong one once.
  const shares = Float64Array.from(
    probabilities,
    (probability, row) => (predictsOne(probability) ? 1 : 0) + (labels[row] ?? 0),
  );
  return (weights) => {
    let hits = 0;
    let all = 0;
    for (let row = 0; row < shares.length; row++) {
      const weight = weights[row] ?? 0;
      hits += weight * (truePositives[row] ?? 0);
      all += weight * (shares[row] ?? 0);
    }
    return all === 0 ? 0 : (2 * hits) / all;
  };
}

/** The class with the higher probability, class 0 on a tie, as `predict` of scikit-learn's classifiers has it. */
function predictsOne(probability: number): boolean {
  return probability > 0.5;
}
