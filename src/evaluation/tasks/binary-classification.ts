import type { MetricOf } from '../../config/index.ts';
import { elements, type Tensor } from '../../onnx/index.ts';
import type { Batch } from '../tables/columns.ts';
import { binaryLabels } from './binary-labels.ts';
import { BINARY_METRICS, ofClassOne } from './binary-metrics.ts';
import { badShape, probabilitiesOutput, probability } from './class-probabilities.ts';
import type { Predictions, Task, Weights } from './task.ts';

/** Two ONNX Runtime versions differ by up to 5e-7, so a row this far from the decision limit keeps its class. */
const DECISION_MARGIN = 0.01;

/** One of two classes, told by the probability of class 1; the gate compares nothing else. */
export const binaryClassification: Task<MetricOf<'binary-classification'>> = {
  name: 'binary-classification',
  metrics: BINARY_METRICS,
  labels: (modelSignature) => binaryLabels(modelSignature?.labels),
  // [N,2] with one column per class, [N,1] or [N] with class 1 alone.
  output: (modelSignature) => probabilitiesOutput(modelSignature, [2, 1], '[N,2]'),
  read,
  usable: hasBothClasses,
  tooFew,
  golden: (predictions) => ({
    values: ofClassOne(predictions).map((value) =>
      Math.abs(value - 0.5) > DECISION_MARGIN ? value : Number.NaN,
    ),
    undecided: `Every probability of the candidate lies within ${DECISION_MARGIN} of 0.5`,
  }),
};

/** Class 0 is what class 1 leaves, so that a model with both classes and one with class 1 alone compare alike. */
function read(output: Tensor, batch: Batch, column: string): Pick<Predictions, 'predicted' | 'width'> {
  const { rows } = batch;
  const columns = output.shape.length === 1 ? 1 : (output.shape[1] ?? 0);
  if (output.shape[0] !== rows || (columns !== 1 && columns !== 2)) {
    throw badShape(
      output,
      rows,
      `[${rows},2], [${rows},1] or [${rows}]`,
      'Train a binary classifier whose first dimension is the batch, or set evaluate.task to multiclass-classification.',
    );
  }
  const values = elements(output);
  const predicted = new Float64Array(rows * 2);
  for (let row = 0; row < rows; row++) {
    const one = probability(values[row * columns + columns - 1], batch, row, column);
    predicted[2 * row] = 1 - one;
    predicted[2 * row + 1] = one;
  }
  return { predicted, width: 2 };
}

const RANK_METRICS = new Set(['auc', 'average_precision']);
const LEAST_OF_A_CLASS = 5;

/** A ranking of two rows against many says nothing: one of them moves it from 0 to 1. */
function tooFew(metric: string, labels: Float64Array): boolean {
  const ones = labels.reduce((sum, label) => sum + label, 0);
  return RANK_METRICS.has(metric) && Math.min(ones, labels.length - ones) < LEAST_OF_A_CLASS;
}

function hasBothClasses(labels: Float64Array): (weights: Weights) => boolean {
  return (weights) => {
    let seen = 0;
    for (let row = 0; row < labels.length && seen !== 3; row++) {
      if (weights[row] !== 0) seen |= labels[row] === 1 ? 1 : 2;
    }
    return seen === 3;
  };
}
