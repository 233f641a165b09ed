import { failure } from '../../errors.ts';
import type { DataType, Tensor } from '../../onnx/index.ts';
import { quoted } from '../tables/columns.ts';

export interface NumericType {
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

/** What an input of each data type takes. 64-bit integers are taken from doubles, which hold them exactly up to 2^53 - 1. */
export const NUMERIC_TYPES: Record<Exclude<DataType, 'BYTES'>, NumericType> = {
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

/** A tensor of numbers that its type takes, row-major. */
export function numericTensor(
  name: string,
  dataType: Exclude<DataType, 'BYTES'>,
  shape: number[],
  values: number[],
): Tensor {
  return { name, dataType, shape, data: new Uint8Array(NUMERIC_TYPES[dataType].bytes(values)) };
}

/** Why an input of this type can't take a value. A missing one, NaN, is a number that floating point takes. */
export function problemOf(
  value: number | undefined,
  type: NumericType,
): 'not-a-number' | 'out-of-range' | undefined {
  if (value === undefined || (type.integer && !Number.isInteger(value))) return 'not-a-number';
  return value < type.least || value > type.most ? 'out-of-range' : undefined;
}

/** The error for it: `cell-not-a-number` or `cell-out-of-range`. */
export function badCell(
  problem: ReturnType<typeof problemOf>,
  place: string,
  text: string,
  name: string,
  dataType: Exclude<DataType, 'BYTES'>,
): Error {
  const { integer: whole } = NUMERIC_TYPES[dataType];
  return problem === 'out-of-range'
    ? outOfRange(place, text, name, dataType)
    : notANumber(place, text, name, dataType, whole);
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
