import type { MetricOf } from '../../config/index.ts';
import { failure } from '../../errors.ts';
import { elements, type ModelSignature, type Tensor, type TensorSpec } from '../../onnx/index.ts';
import { type Batch, quoted } from '../tables/columns.ts';
import { numericLabels } from './numeric-labels.ts';
import { floatOutputs, listedOutputs } from './outputs.ts';
import { REGRESSION_METRICS } from './regression-metrics.ts';
import type { Predictions, Task } from './task.ts';

/**
 * How converters name a regression: skl2onnx and, for LightGBM and XGBoost, onnxmltools `variable`, CatBoost
 * `predictions`; PyTorch has no name of its own, and its tutorials export `output`.
 */
const OUTPUT_NAMES = ['variable', 'predictions', 'prediction', 'output'];

/** A number, told by the number that the model answers. */
export const regression: Task<MetricOf<'regression'>> = {
  name: 'regression',
  metrics: REGRESSION_METRICS,
  labels: numericLabels,
  output,
  read,
  golden: ({ predicted }) => ({ values: predicted, undecided: 'The candidate predicted nothing' }),
};

/** The floating point output with one value per row, [N] or [N,1]; several are told apart by their names. */
function output(modelSignature: ModelSignature): TensorSpec {
  const fitting = floatOutputs(modelSignature).filter(
    ({ shape }) => shape.length === 1 || (shape.length === 2 && (shape[1] ?? 1) === 1),
  );
  const named = OUTPUT_NAMES.map((wanted) => fitting.find(({ name }) => name === wanted));
  const chosen = named.find((each) => each !== undefined) ?? (fitting.length === 1 ? fitting[0] : undefined);
  if (chosen !== undefined) return chosen;
  throw failure(
    'prediction-missing',
    `The model has no output that is clearly its prediction; its outputs are ${listedOutputs(modelSignature)}.`,
    'Give the model one output with a number for each row, FLOAT [N,1] or [N], and name it "variable" if there are several.',
  );
}

function read(answer: Tensor, batch: Batch, column: string): Pick<Predictions, 'predicted' | 'width'> {
  const { rows } = batch;
  const { shape } = answer;
  if (shape[0] !== rows || !(shape.length === 1 || (shape.length === 2 && shape[1] === 1))) {
    throw failure(
      'prediction-shape',
      `The model's output ${quoted(answer.name)} has the shape [${shape.join(',')}] for ${rows} rows; expected [${rows},1] or [${rows}].`,
      'Train a model that gives one number for each row and whose first dimension is the batch.',
    );
  }
  const values = elements(answer);
  const predicted = Float64Array.from({ length: rows }, (_, row) => {
    const value = Number(values[row]);
    if (Number.isFinite(value)) return value;
    throw failure(
      'prediction-invalid',
      `The model answered ${value} for ${batch.place(row, column)}; a prediction is a finite number.`,
      'Check the row for missing values and for values far outside of what the model was trained on.',
    );
  });
  return { predicted, width: 1 };
}
