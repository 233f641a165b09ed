import type { MetricOf } from '../../config/index.ts';
import { prepareAuc } from './binary-auc.ts';
import { prepareBrier, prepareCalibrationError } from './binary-calibration.ts';
import { prepareAccuracy, prepareF1, preparePrecision, prepareRecall } from './binary-decisions.ts';
import { prepareAveragePrecision } from './binary-ranking.ts';
import { type Metric, type Predictions, whereFinite, type Weights, weightedMean } from './task.ts';

/** The metrics of binary classification; each equals scikit-learn's on the same labels and probabilities of class 1. */
export const BINARY_METRICS: Readonly<Record<MetricOf<'binary-classification'>, Metric>> = {
  auc: metric('maximise', prepareAuc),
  log_loss: metric('minimise', prepareLogLoss),
  accuracy: metric('maximise', prepareAccuracy),
  f1: metric('maximise', prepareF1),
  average_precision: metric('maximise', prepareAveragePrecision),
  precision: metric('maximise', preparePrecision),
  recall: metric('maximise', prepareRecall),
  brier: metric('minimise', prepareBrier),
  calibration_error: metric('minimise', prepareCalibrationError),
};

type Prepare = (labels: Float64Array, probabilities: Float64Array) => (weights: Weights) => number;

function metric(direction: Metric['direction'], prepare: Prepare): Metric {
  return {
    direction,
    prepare: whereFinite((predictions) => prepare(predictions.labels, ofClassOne(predictions))),
  };
}

/** Of two columns the second. */
export function ofClassOne({ rows, predicted }: Predictions): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => predicted[2 * row + 1] ?? Number.NaN);
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
