import { existsSync } from 'node:fs';
import { failure } from '../../errors.ts';
import { elementCount, type ModelSignature, type Tensor, type TensorSpec } from '../../onnx/index.ts';
import { arraysOf, columnInputs, type Inputs } from './input-columns.ts';
import { inputTensors, rowsPerRun } from './input-tensors.ts';
import { numericTensor } from './numeric-types.ts';
import { seededRandom } from '../random.ts';
import { openTable } from '../tables/open-table.ts';

const GOLDEN_ROWS = 8;

/**
 * Inputs of golden samples where the holdout's rows are not the model's inputs: the first eight rows of a file that the
 * training left (`golden.npz`, arrays by the names of the inputs), or without one the same random numbers every time.
 * Throws `golden-none` when they cannot be made up: for text, or a dimension besides the batch that is open.
 */
export async function goldenInputs(
  modelSignature: ModelSignature,
  file: string,
  inputs: Omit<Inputs, 'modelSignature'>,
): Promise<Tensor[]> {
  if (!existsSync(file)) return modelSignature.inputs.filter(({ optional }) => !optional).map(madeUp);
  const table = await openTable(file);
  const specs = columnInputs({ ...inputs, modelSignature }, table);
  const batches = table.batches(rowsPerRun(specs, GOLDEN_ROWS), arraysOf(specs));
  for await (const batch of batches) return inputTensors(batch, specs);
  throw none(`${file} holds no row`);
}

function madeUp({ name, dataType, shape }: TensorSpec): Tensor {
  const [rows, ...sizes] = shape;
  if (rows === undefined || dataType === 'BYTES' || sizes.includes(null)) {
    const written = `[${shape.map((size) => size ?? 'N').join(',')}]`;
    throw none(`The model's input "${name}" ${dataType} ${written} takes nothing that could be made up`);
  }
  const full = [rows ?? GOLDEN_ROWS, ...sizes.map((size) => size ?? 1)];
  const draws = new Uint32Array(elementCount(full));
  seededRandom(0)(draws);
  const whole = !dataType.startsWith('FP');
  return numericTensor(
    name,
    dataType,
    full,
    Array.from(draws, (draw) => (whole ? draw & 1 : draw / 2 ** 32)),
  );
}

function none(what: string): Error {
  return failure(
    'golden-none',
    `${what}, so nothing can prove that a device computes the same.`,
    'Let the training leave a golden.npz beside the model: a few rows for each input, arrays by their names.',
  );
}
