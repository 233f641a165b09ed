import type { TaskName } from '../../config/index.ts';
import type { ModelSignature, Tensor, TensorSpec } from '../../onnx/index.ts';
import type { Batch } from '../columns.ts';

/** What a model says about every row of a holdout, in the file's order, beside the truth. */
export interface Predictions {
  rows: number;
  /** The truth of each row: the index of its class. */
  labels: Float64Array;
  /** Row-major [rows, width]: the probability of each class. */
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

/** How often each row counts: a bootstrap resample's multiplicities, or sample weights. */
export type Weights = ArrayLike<number>;

/** One figure of what was predicted; NaN where it is undefined. */
export interface Metric {
  direction: 'maximise' | 'minimise';
  /** For many weightings of the same rows: what does not depend on the weights is done once. */
  prepare(predictions: Predictions, options?: MetricOptions): (weights: Weights) => number;
}

/** Collects the label column of a holdout, and says at the end what the truth of each row is. */
export interface LabelReader {
  /** Takes the labels of one batch. Throws `label-unknown` for the first value that cannot be one. */
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
  /** How labels become class indices; without a model signature whatever can be known before there is a model. */
  labels(modelSignature?: ModelSignature): LabelReader;
  /** The output that holds the predictions. Throws `probabilities-missing`. */
  output(modelSignature: ModelSignature): TensorSpec;
  /** Row-major [rows, width] of one answer. Throws `probabilities-shape` and `probability-invalid`. */
  read(output: Tensor, batch: Batch, column: string): Pick<Predictions, 'predicted' | 'width'>;
  /** Whether a bootstrap resample is a holdout at all; one that is not is drawn again. Absent: each is. */
  usable?(labels: Float64Array): (weights: Weights) => boolean;
  golden(predictions: Predictions): GoldenRange;
}

/** The value of a metric, each row counting once or by its weight. */
export function measure(metric: Metric, predictions: Predictions, weights?: Weights): number {
  return metric.prepare(predictions)(weights ?? new Uint32Array(predictions.rows).fill(1));
}

/** The mean of a value per row; NaN when nothing counts. */
export function weightedMean(values: Float64Array, weights: Weights): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < values.length; row++) {
    const weight = weights[row] ?? 0;
    sum += weight * (values[row] ?? 0);
    total += weight;
  }
  return sum / total;
}
