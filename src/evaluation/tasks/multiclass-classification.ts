import type { MetricOf } from '../../config/index.ts';
import { elements, type Tensor } from '../../onnx/index.ts';
import type { Batch } from '../tables/columns.ts';
import { badShape, invalidProbability, probabilitiesOutput, probability } from './class-probabilities.ts';
import { multiclassLabels } from './multiclass-labels.ts';
import { MULTICLASS_METRICS, predictedClasses } from './multiclass-metrics.ts';
import type { GoldenRange, Predictions, Task } from './task.ts';

/** Two ONNX Runtime versions differ by up to 5e-7, so a row whose two best classes lie this far apart keeps its class. */
const DECISION_MARGIN = 0.01;
/** As far from 1 as the rounding of half floats brings the sum of a row; independent scores are further away. */
const SUM_MARGIN = 0.01;

/** One of K classes, told by a probability for each. */
export const multiclassClassification: Task<MetricOf<'multiclass-classification'>> = {
  name: 'multiclass-classification',
  metrics: MULTICLASS_METRICS,
  labels: (modelSignature) =>
    multiclassLabels(
      modelSignature?.labels,
      modelSignature && (probabilitiesOutput(modelSignature, [2], '[N,K]').shape[1] ?? undefined),
    ),
  output: (modelSignature) => probabilitiesOutput(modelSignature, [2], '[N,K]'),
  read,
  golden,
};

function read(output: Tensor, batch: Batch, column: string): Pick<Predictions, 'predicted' | 'width'> {
  const { rows } = batch;
  const width = output.shape[1] ?? 0;
  if (output.shape.length !== 2 || output.shape[0] !== rows || width < 2) {
    throw badShape(
      output,
      rows,
      `[${rows},K] with a column for each of K classes`,
      'Train a classifier that gives one probability per class and whose first dimension is the batch.',
    );
  }
  const values = elements(output);
  const predicted = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = row * width; at < (row + 1) * width; at++) {
      const value = probability(values[at], batch, row, column);
      predicted[at] = value;
      sum += value;
    }
    if (Math.abs(sum - 1) <= SUM_MARGIN) continue;
    throw invalidProbability(
      `The model's probabilities for ${batch.place(row, column)} add up to ${Number(sum.toPrecision(6))} where 1 was expected.`,
    );
  }
  return { predicted, width };
}

/** Spread over the predicted classes first, and within a class over how sure the model is of it. */
function golden(predictions: Predictions): GoldenRange {
  const { predicted, width } = predictions;
  const classes = predictedClasses(predictions);
  const values = Float64Array.from(classes, (best, row) => {
    const highest = predicted[row * width + best] ?? 0;
    let second = 0;
    for (let index = 0; index < width; index++) {
      if (index !== best) second = Math.max(second, predicted[row * width + index] ?? 0);
    }
    return highest - second > DECISION_MARGIN ? best + highest : Number.NaN;
  });
  return {
    values,
    undecided: `The candidate's two highest probabilities lie within ${DECISION_MARGIN} of each other in every row`,
  };
}
