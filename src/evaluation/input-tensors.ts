import { failure } from '../errors.ts';
import { type DataType, stringTensor, type Tensor } from '../onnx/index.ts';
import { type Batch, quoted } from './columns.ts';
import type { InputColumns } from './input-columns.ts';
import { parseNumber } from './numbers.ts';

interface NumericType {
  least: number;
  most: number;
  integer: boolean;
  bytes(values: number[]): ArrayBuffer;
}

const float = (most: number, bytes: NumericType['bytes']): NumericType => ({
  least: -most,
  most,
  integer: false,
  bytes,
});
const integer = (least: number, most: number, bytes: NumericType['bytes']): NumericType => ({
  least,
  most,
  integer: true,
  bytes,
});

/** 64-bit integers are taken from doubles, which hold them exactly up to 2^53 - 1. */
const NUMERIC_TYPES: Record<Exclude<DataType, 'BYTES'>, NumericType> = {
  BOOL: integer(0, 1, (values) => Uint8Array.from(values).buffer),
  UINT8: integer(0, 255, (values) => Uint8Array.from(values).buffer),
  UINT16: integer(0, 65_535, (values) => Uint16Array.from(values).buffer),
  UINT32: integer(0, 2 ** 32 - 1, (values) => Uint32Array.from(values).buffer),
  UINT64: integer(0, Number.MAX_SAFE_INTEGER, (values) => BigUint64Array.from(values.map(BigInt)).buffer),
  INT8: integer(-128, 127, (values) => Int8Array.from(values).buffer),
  INT16: integer(-32_768, 32_767, (values) => Int16Array.from(values).buffer),
  INT32: integer(-(2 ** 31), 2 ** 31 - 1, (values) => Int32Array.from(values).buffer),
  INT64: integer(
    -Number.MAX_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
    (values) => BigInt64Array.from(values.map(BigInt)).buffer,
  ),
  FP16: float(65_504, (values) => Float16Array.from(values).buffer),
  FP32: float(3.402_823_466_385_288_6e38, (values) => Float32Array.from(values).buffer),
  FP64: float(Number.MAX_VALUE, (values) => Float64Array.from(values).buffer),
};

const VALUES_PER_RUN = 1_000_000;

/** How many rows a run may carry: `wanted`, or fewer where rows are long or an input's first dimension is fixed. */
export function rowsPerRun(inputs: readonly InputColumns[], wanted: number): number {
  const fixed = inputs.map(({ spec }) => spec.shape[0]).filter((size) => typeof size === 'number');
  const values = inputs.reduce((sum, { columns }) => sum + columns.length, 0);
  return Math.max(1, Math.min(wanted, Math.floor(VALUES_PER_RUN / Math.max(1, values)), ...fixed));
}

/** One tensor per input from its columns, row by row. Throws `cell-not-a-number` and `cell-out-of-range`. */
export function inputTensors(batch: Batch, inputs: readonly InputColumns[]): Tensor[] {
  return inputs.map((input) => inputTensor(batch, input));
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
      const fits = type.integer ? Number.isInteger(value) : value !== undefined;
      if (value === undefined || !fits)
        throw notANumber(batch.place(row, column), text, column, dataType, type.integer);
      if (value < type.least || value > type.most)
        throw outOfRange(batch.place(row, column), text, column, dataType);
      return value;
    }),
  );
  return { name, dataType, shape: sizes, data: new Uint8Array(type.bytes(rowByRow(batch.rows, values))) };
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

function notANumber(place: string, text: string, name: string, dataType: DataType, whole: boolean): Error {
  const expected = dataType === 'BOOL' ? 'true, false, 0 or 1' : whole ? 'a whole number' : 'a number';
  return failure(
    'cell-not-a-number',
    `${place}: found ${quoted(text)} in the column ${quoted(name)} where ${expected} was expected (the model takes ${dataType}).`,
    'Correct the cell, or train a model whose input takes text.',
  );
}

function outOfRange(place: string, text: string, name: string, dataType: DataType): Error {
  return failure(
    'cell-out-of-range',
    `${place}: ${quoted(text)} in the column ${quoted(name)} does not fit into ${dataType}.`,
    'Correct the cell, or train a model whose input takes a wider type.',
  );
}
