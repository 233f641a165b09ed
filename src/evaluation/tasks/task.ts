import type { TaskName } from '../../config/index.ts';
import type { ModelSignature, Tensor, TensorSpec } from '../../onnx/index.ts';
import type { Batch } from '../tables/columns.ts';

/** What a model says about every row of a holdout, in the file's order, beside the truth. */
export interface Predictions {
  rows: number;
  /** The truth of each row: the index of its class, or a number. */
  labels: Float64Array;
  /** Row-major [rows, width]: the probability of each class, or of width 1 the number itself. */
  predicted: Float64Array;
  width: number;
  /** The classes by their index, as the data writes them; empty where the truth is a number. */
  classes: string[];
  /** How much each row counts, at least 0; absent when all count alike. */
  weights?: Float64Array;
}

/** What a metric needs to know besides the predictions. */
export interface MetricOptions {
  /** Which quantile the predictions are meant to be, between 0 and 1: 0.5 is the median. */
  quantile?: number | undefined;
}

/** How often each row counts: a bootstrap resample's multiplicities, sample weights, or the product of both. */
export type Weights = ArrayLike<number>;

/** One figure of what was predicted; NaN where it is undefined. */
export interface Metric {
  direction: 'maximise' | 'minimise';
  /**
   * For many weightings of the same rows: what does not depend on the weights is done once. What it returns knows the
   * weights that it is given and not `predictions.weights`.
   */
  prepare(predictions: Predictions, options?: MetricOptions): (weights: Weights) => number;
}

/** Collects the label column of a holdout, and says at the end what the truth of each row is. */
export interface LabelReader {
  /** Takes the labels of one batch. Throws `label-unknown` or `label-not-a-number` for the first that cannot be one. */
  add(batch: Batch, column: string): void;
  /** `width` as the model answered, unless there is no model. Throws what speaks against all labels together. */
  finish(file: string, column: string, width?: number): Pick<Predictions, 'labels' | 'classes'>;
}

/** Which rows can prove that a device computes the same numbers. */
export interface GoldenRange {
  /** By row: the value over whose range golden rows are spread; NaN for one too close to a decision. */
  values: Float64Array;
  /** Why no row may be left, a clause. */
  undecided: string;
}

/**
 * Everything that depends on what a model predicts. A new task is a file with one of these, its line in `tasks.ts`, and
 * the names of its metrics in src/config/tasks.ts.
 */
export interface Task<Name extends string = string> {
  name: TaskName;
  metrics: Readonly<Record<Name, Metric>>;
  /** How labels become class indices or numbers; without a model signature what can be known before there is a model. */
  labels(modelSignature?: ModelSignature): LabelReader;
  /** The output that holds the predictions. Throws `probabilities-missing` or `prediction-missing`. */
  output(modelSignature: ModelSignature): TensorSpec;
  /** Row-major [rows, width] of one answer. Throws a failure for another shape, or a value that is no prediction. */
  read(output: Tensor, batch: Batch, column: string): Pick<Predictions, 'predicted' | 'width'>;
  /** Whether a bootstrap resample is a holdout at all; one that is not is drawn again. Absent: each is. */
  usable?(labels: Float64Array): (weights: Weights) => boolean;
  /** Whether a part of a holdout with these labels is too thin for a metric, whatever its number of rows. Absent: never. */
  tooFew?(metric: string, labels: Float64Array): boolean;
  golden(predictions: Predictions): GoldenRange;
}

/** The value of a metric, each row counting by its own weight, times the one given here. */
export function measure(
  metric: Metric,
  predictions: Predictions,
  weights?: Weights,
  options?: MetricOptions,
): number {
  return metric.prepare(predictions, options)(allWeights(predictions, weights));
}

function allWeights({ rows, weights: own }: Predictions, given?: Weights): Weights {
  if (own === undefined) return given ?? new Uint8Array(rows).fill(1);
  return given === undefined ? own : own.map((weight, row) => weight * (given[row] ?? 0));
}

/** The same metric, undefined where a truth or a prediction is not finite: scikit-learn refuses such arrays. */
export function whereFinite(prepare: Metric['prepare']): Metric['prepare'] {
  return (predictions, options) =>
    [predictions.labels, predictions.predicted].every((values) => values.every(Number.isFinite))
      ? prepare(predictions, options)
      : () => Number.NaN;
}

/** The mean of a value per row; NaN when nothing counts. */
export function weightedMean(values: Float64Array | Uint8Array, weights: Weights): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < values.length; row++) {
    const weight = weights[row] ?? 0;
    sum += weight * (values[row] ?? 0);
    total += weight;
  }
  return sum / total;
}
