import { failure } from '../../errors.ts';
import type { ModelSignature, Tensor, TensorSpec } from '../../onnx/index.ts';
import { type Batch, quoted } from '../tables/columns.ts';
import { floatOutputs, listedOutputs } from './outputs.ts';

/**
 * The output that holds the probabilities: floating point, of the first rank of `ranks` that one output has. Several
 * are told apart by the name `probabilities`. `wanted` is the shape for the remedy. Throws `probabilities-missing`.
 */
export function probabilitiesOutput(
  modelSignature: ModelSignature,
  ranks: readonly number[],
  wanted: string,
): TensorSpec {
  const floats = floatOutputs(modelSignature);
  for (const rank of ranks) {
    const fitting = floats.filter(({ shape }) => shape.length === rank);
    const named = fitting.find(({ name }) => name === 'probabilities');
    const chosen = named ?? (fitting.length === 1 ? fitting[0] : undefined);
    if (chosen !== undefined) return chosen;
    if (fitting.length > 1) break;
  }
  throw failure(
    'probabilities-missing',
    `The model has no output that is clearly its probabilities; its outputs are ${listedOutputs(modelSignature)}.`,
    `Give the model an output "probabilities", FLOAT ${wanted} (skl2onnx: zipmap off).`,
  );
}

/** One value of a model's answer as a probability. Throws `probability-invalid`. */
export function probability(value: unknown, batch: Batch, row: number, column: string): number {
  const number = Number(value);
  if (number >= 0 && number <= 1) return number;
  throw invalidProbability(
    `The model answered ${number} for ${batch.place(row, column)}; a probability lies between 0 and 1.`,
  );
}

export function invalidProbability(what: string): Error {
  return failure(
    'probability-invalid',
    what,
    'Check the row for missing values, and that the output is a probability and not a score.',
  );
}

export function badShape(output: Tensor, rows: number, expected: string, remedy: string): Error {
  return failure(
    'probabilities-shape',
    `The model's output ${quoted(output.name)} has the shape [${output.shape.join(',')}] for ${rows} rows; expected ${expected}.`,
    remedy,
  );
}
