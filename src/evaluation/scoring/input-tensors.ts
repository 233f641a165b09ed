import { elementCount, stringTensor, type Tensor } from '../../onnx/index.ts';
import { arrayTensor } from './array-tensors.ts';
import type { Batch } from '../tables/columns.ts';
import type { InputColumns } from './input-columns.ts';
import { badCell, NUMERIC_TYPES, numericTensor, problemOf } from './numeric-types.ts';
import { parseNumber } from '../tables/numbers.ts';

const VALUES_PER_RUN = 1_000_000;

/** How many rows a run may carry: `wanted`, or fewer where rows are long or an input's first dimension is fixed. */
export function rowsPerRun(inputs: readonly InputColumns[], wanted: number): number {
  const fixed = inputs.map(({ spec }) => spec.shape[0]).filter((size) => typeof size === 'number');
  const values = inputs.reduce((sum, input) => sum + valuesPerRow(input), 0);
  return Math.max(1, Math.min(wanted, Math.floor(VALUES_PER_RUN / Math.max(1, values)), ...fixed));
}

function valuesPerRow({ columns, array }: InputColumns): number {
  return columns.length + (array === undefined ? 0 : elementCount(array.shape));
}

/** One tensor per input from its columns, row by row, or its array. Throws `cell-not-a-number` and `cell-out-of-range`. */
export function inputTensors(batch: Batch, inputs: readonly InputColumns[]): Tensor[] {
  return inputs.map((input) =>
    input.array === undefined ? inputTensor(batch, input) : arrayTensor(batch, input.spec, input.array),
  );
}

function inputTensor(batch: Batch, { spec, columns }: InputColumns): Tensor {
  const { name, dataType, shape } = spec;
  const sizes = [batch.rows, ...shape.slice(1).map((size) => size ?? 1)];
  const texts = columns.map((column) => batch.column(column));
  if (dataType === 'BYTES') return stringTensor(name, sizes, rowByRow(batch.rows, texts));
  const type = NUMERIC_TYPES[dataType];
  const values = columns.map((column, index) =>
    (texts[index] ?? []).map((text, row) => {
      const value = dataType === 'BOOL' ? parseBoolean(text) : parseNumber(text);
      const problem = problemOf(value, type);
      if (value !== undefined && problem === undefined) return value;
      throw badCell(problem, batch.place(row, column), text, column, dataType);
    }),
  );
  return numericTensor(name, dataType, sizes, rowByRow(batch.rows, values));
}

/** What lies column by column, row by row. */
function rowByRow<Value>(rows: number, columns: readonly (readonly Value[])[]): Value[] {
  const values: Value[] = [];
  for (let row = 0; row < rows; row++) {
    for (const column of columns) {
      const value = column[row];
      if (value !== undefined) values.push(value);
    }
  }
  return values;
}

function parseBoolean(text: string): number | undefined {
  const lower = text.trim().toLowerCase();
  if (lower === 'true') return 1;
  return lower === 'false' ? 0 : parseNumber(lower);
}
