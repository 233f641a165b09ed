import type { MetricOf } from '../../config/index.ts';
import { type Metric, type Predictions, whereFinite, type Weights, weightedMean } from './task.ts';

/** The metrics of K classes; each equals scikit-learn's on the same labels and probabilities. */
export const MULTICLASS_METRICS: Readonly<Record<MetricOf<'multiclass-classification'>, Metric>> = {
  accuracy: { direction: 'maximise', prepare: whereFinite(prepareAccuracy) },
  macro_f1: { direction: 'maximise', prepare: whereFinite(prepareMacroF1) },
  log_loss: { direction: 'minimise', prepare: whereFinite(prepareLogLoss) },
};

/** The class with the highest probability, the first of a tie, as `predict` of scikit-learn's classifiers has it. */
export function predictedClasses({ rows, predicted, width }: Predictions): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, row) => {
    let best = 0;
    for (let index = 1; index < width; index++) {
      if ((predicted[row * width + index] ?? 0) > (predicted[row * width + best] ?? 0)) best = index;
    }
    return best;
  });
}

/** Share of rows whose predicted class is the true one (scikit-learn `accuracy_score`). */
function prepareAccuracy(predictions: Predictions): (weights: Weights) => number {
  const classes = predictedClasses(predictions);
  const hits = predictions.labels.map((label, row) => (label === classes[row] ? 1 : 0));
  return (weights) => weightedMean(hits, weights);
}

/**
 * Unweighted mean of each class's F1 = 2 TP / (2 TP + FP + FN) over the classes that occur among truth or predictions
 * (scikit-learn `f1_score` with `average='macro'`). A row of weight 0 does not occur.
 */
function prepareMacroF1(predictions: Predictions): (weights: Weights) => number {
  const { labels, width } = predictions;
  const classes = predictedClasses(predictions);
  const truths = Uint32Array.from(labels);
  // A wrong row hits a class that nobody reads, instead of a branch in the loop.
  const hitClasses = classes.map((predicted, row) => (predicted === truths[row] ? predicted : width));
  const hits = new Float64Array(width + 1);
  const shares = new Float64Array(width);
  return (weights) => {
    hits.fill(0);
    shares.fill(0);
    for (let row = 0; row < labels.length; row++) {
      const weight = weights[row] ?? 0;
      const [hit, truth, predicted] = [hitClasses[row] ?? 0, truths[row] ?? 0, classes[row] ?? 0];
      hits[hit] = (hits[hit] ?? 0) + weight;
      // A hit stands twice in the denominator, a wrong row once for each of its two classes.
      shares[truth] = (shares[truth] ?? 0) + weight;
      shares[predicted] = (shares[predicted] ?? 0) + weight;
    }
    let sum = 0;
    let occurring = 0;
    for (let index = 0; index < width; index++) {
      const share = shares[index] ?? 0;
      if (share === 0) continue;
      sum += (2 * (hits[index] ?? 0)) / share;
      occurring++;
    }
    return sum / occurring;
  };
}

/**
 * Mean negative log-likelihood of the true class, natural logarithm (Bishop 2006, p. 209; scikit-learn `log_loss`), with
 * probabilities clipped to [e, 1 - e], e the machine epsilon of float64.
 */
function prepareLogLoss({ labels, predicted, width }: Predictions): (weights: Weights) => number {
  const epsilon = Number.EPSILON;
  const losses = labels.map((label, row) => {
    const ofTruth = predicted[row * width + label] ?? Number.NaN;
    return -Math.log(Math.min(Math.max(ofTruth, epsilon), 1 - epsilon));
  });
  return (weights) => weightedMean(losses, weights);
}
