import { failure } from '../errors.ts';
import { elements, type ModelSignature, type Tensor, type TensorSpec } from '../onnx/index.ts';
import { type Batch, quoted } from './columns.ts';

/**
 * The output that holds the probabilities: floating point, of rank 2 ([N,2] with one column per class, or [N,1] with
 * class 1 alone), else of rank 1 (class 1). Several are told apart by the name `probabilities`. Throws
 * `probabilities-missing`.
 */
export function probabilitiesOutput(modelSignature: ModelSignature): TensorSpec {
  const floats = modelSignature.outputs.filter(({ dataType }) => /^FP(16|32|64)$/.test(dataType));
  for (const rank of [2, 1]) {
    const fitting = floats.filter(({ shape }) => shape.length === rank);
    const named = fitting.find(({ name }) => name === 'probabilities');
    const chosen = named ?? (fitting.length === 1 ? fitting[0] : undefined);
    if (chosen !== undefined) return chosen;
    if (fitting.length > 1) break;
  }
  const found = modelSignature.outputs.map(
    ({ name, dataType, shape }) =>
      `${quoted(name)} ${dataType} [${shape.map((size) => size ?? 'N').join(',')}]`,
  );
  throw failure(
    'probabilities-missing',
    `The model has no output that is clearly its probabilities; its outputs are ${found.join(', ')}.`,
    'Give the model an output "probabilities", FLOAT [N,2] (skl2onnx: zipmap off).',
  );
}

/** Probability of class 1 for each row of a batch. Throws `probabilities-shape` and `probability-invalid`. */
export function classOneProbabilities(output: Tensor, batch: Batch, column: string): Float64Array {
  const width = output.shape.length === 1 ? 1 : (output.shape[1] ?? 0);
  if (output.shape[0] !== batch.rows || (width !== 1 && width !== 2)) throw badShape(output, batch.rows);
  const values = elements(output);
  return Float64Array.from({ length: batch.rows }, (_, row) => {
    const value = Number(values[row * width + width - 1]);
    if (value >= 0 && value <= 1) return value;
    throw failure(
      'probability-invalid',
      `The model answered ${value} for ${batch.place(row, column)}; a probability lies between 0 and 1.`,
      'Check the row for missing values, and that the output is a probability and not a score.',
    );
  });
}

function badShape(output: Tensor, rows: number): Error {
  return failure(
    'probabilities-shape',
    `The model's output ${quoted(output.name)} has the shape [${output.shape.join(',')}] for ${rows} rows; expected [${rows},2], [${rows},1] or [${rows}].`,
    'Train a binary classifier whose first dimension is the batch.',
  );
}
