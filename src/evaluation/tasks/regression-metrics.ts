import type { MetricOf } from '../../config/index.ts';
import {
  type Metric,
  type MetricOptions,
  type Predictions,
  whereFinite,
  type Weights,
  weightedMean,
} from './task.ts';

/** The metrics of a predicted number; each equals scikit-learn's on the same truth and predictions. */
export const REGRESSION_METRICS: Readonly<Record<MetricOf<'regression'>, Metric>> = {
  rmse: { direction: 'minimise', prepare: whereFinite(prepareRmse) },
  mae: { direction: 'minimise', prepare: whereFinite(prepareMae) },
  r2: { direction: 'maximise', prepare: whereFinite(prepareR2) },
  mape: { direction: 'minimise', prepare: whereFinite(prepareMape) },
  quantile_loss: { direction: 'minimise', prepare: whereFinite(prepareQuantileLoss) },
};

/** What each row costs. */
function losses(
  { labels, predicted }: Predictions,
  loss: (truth: number, prediction: number) => number,
): Float64Array {
  return labels.map((truth, row) => loss(truth, predicted[row] ?? Number.NaN));
}

const squaredError = (truth: number, prediction: number): number => (truth - prediction) ** 2;

/** Root of the mean squared error, in the label's unit (scikit-learn `root_mean_squared_error`). */
function prepareRmse(predictions: Predictions): (weights: Weights) => number {
  const squares = losses(predictions, squaredError);
  return (weights) => Math.sqrt(weightedMean(squares, weights));
}

/** Mean absolute error, in the label's unit (scikit-learn `mean_absolute_error`). */
function prepareMae(predictions: Predictions): (weights: Weights) => number {
  const errors = losses(predictions, (truth, prediction) => Math.abs(truth - prediction));
  return (weights) => weightedMean(errors, weights);
}

/**
 * Mean of |error| / |truth| as a share and not per cent, with the machine epsilon of float64 for a truth that is smaller
 * (scikit-learn `mean_absolute_percentage_error`).
 */
function prepareMape(predictions: Predictions): (weights: Weights) => number {
  const errors = losses(
    predictions,
    (truth, prediction) => Math.abs(truth - prediction) / Math.max(Math.abs(truth), Number.EPSILON),
  );
  return (weights) => weightedMean(errors, weights);
}

/**
 * Mean pinball loss: q times an error of a prediction that is too low, 1 - q times one that is too high (Koenker and
 * Bassett 1978; scikit-learn `mean_pinball_loss`). In the label's unit; half of `mae` for the median.
 */
function prepareQuantileLoss(
  predictions: Predictions,
  { quantile = 0.5 }: MetricOptions = {},
): (weights: Weights) => number {
  const errors = losses(predictions, (truth, prediction) => {
    const missing = truth - prediction;
    return missing >= 0 ? quantile * missing : (quantile - 1) * missing;
  });
  return (weights) => weightedMean(errors, weights);
}

/**
 * Share of the variance of the truth that the predictions explain, 1 - residual / spread (scikit-learn `r2_score`). Of
 * equal truths 1 when every prediction is right, else 0, its `force_finite`. NaN for fewer than two rows.
 */
function prepareR2(predictions: Predictions): (weights: Weights) => number {
  const { labels } = predictions;
  const squares = losses(predictions, squaredError);
  if (labels.length < 2) return () => Number.NaN;
  return (weights) => {
    let first = 0;
    while (first < labels.length && weights[first] === 0) first++;
    // From a truth that counts, so that equal truths have a spread of exactly 0 whatever the mean is rounded to.
    const origin = labels[first] ?? 0;
    let total = 0;
    let sum = 0;
    let residual = 0;
    for (let row = first; row < labels.length; row++) {
      const weight = weights[row] ?? 0;
      total += weight;
      sum += weight * ((labels[row] ?? 0) - origin);
      residual += weight * (squares[row] ?? 0);
    }
    const mean = sum / total;
    let spread = 0;
    for (let row = first; row < labels.length; row++) {
      spread += (weights[row] ?? 0) * ((labels[row] ?? 0) - origin - mean) ** 2;
    }
    if (total === 0) return Number.NaN;
    if (residual === 0) return 1;
    return spread === 0 ? 0 : 1 - residual / spread;
  };
}
