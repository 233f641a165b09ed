import { failure } from '../errors.ts';
import { elementCount, elements, encodeStrings, invalidTensor, TYPED_ARRAYS, bytesOf } from './elements.ts';
import type { NumericElements } from './elements.ts';
import { DATA_TYPES } from './tensor.ts';
import type { DataType, Tensor } from './tensor.ts';

/** A tensor in the JSON of the Open Inference Protocol v2 ("$request_input", "$response_output"). */
export interface JsonTensor {
  name: string;
  datatype: DataType;
  shape: number[];
  /** Row-major elements, flat. */
  data: (number | string | boolean)[];
}

const INTEGER_RANGES: Partial<Record<DataType, [number, number]>> = {
  UINT8: [0, 0xff],
  UINT16: [0, 0xffff],
  UINT32: [0, 0xffff_ffff],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-0x80, 0x7f],
  INT16: [-0x8000, 0x7fff],
  INT32: [-0x8000_0000, 0x7fff_ffff],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

const dataTypes: ReadonlySet<unknown> = new Set(DATA_TYPES);
const isDataType = (value: unknown): value is DataType => dataTypes.has(value);

/**
 * Reads a tensor of the Open Inference Protocol v2 JSON; `data` is flat or nested as the shape says, other keys are
 * ignored. Throws `tensor-invalid`: a wrong count or element, an integer out of range or beyond 2^53, an unknown
 * datatype.
 */
export function tensorFromJson(value: unknown): Tensor {
  if (typeof value !== 'object' || value === null)
    throw invalidTensor('?', `found ${shown(value)}, not an object`);
  const name = 'name' in value ? value.name : undefined;
  if (typeof name !== 'string' || name === '') throw invalidTensor('?', 'its name is missing');
  const dataType = 'datatype' in value ? value.datatype : undefined;
  if (!isDataType(dataType)) {
    throw invalidTensor(name, `datatype ${shown(dataType)}, expected one of ${DATA_TYPES.join(', ')}`);
  }
  const shape = readShape(name, 'shape' in value ? value.shape : undefined);
  const flat = flatData(name, shape, 'data' in value ? value.data : undefined);
  return { name, dataType, shape, data: encode(name, dataType, flat) };
}

function readShape(name: string, shape: unknown): number[] {
  if (!Array.isArray(shape)) throw invalidTensor(name, `shape ${shown(shape)}, expected an array of sizes`);
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalidTensor(name, `shape ${shown(shape)}, sizes are whole numbers from 0`);
    }
  }
  return shape;
}

function flatData(name: string, shape: number[], data: unknown): unknown[] {
  if (!Array.isArray(data)) throw invalidTensor(name, `data ${shown(data)}, expected an array`);
  const nested = shape.length > 1 && Array.isArray(data[0]);
  const flat: unknown[] = nested ? [] : data;
  if (nested) flatten(name, shape, 0, data, flat);
  const expected = elementCount(shape);
  if (flat.length !== expected) {
    throw invalidTensor(name, `${flat.length} elements, expected ${expected} for [${shape.join(',')}]`);
  }
  return flat;
}

function flatten(name: string, shape: number[], depth: number, data: unknown, into: unknown[]): void {
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    const found = Array.isArray(data) ? `${data.length} elements` : shown(data);
    throw invalidTensor(
      name,
      `${found} in dimension ${depth}, expected ${shape[depth]} for [${shape.join(',')}]`,
    );
  }
  if (depth === shape.length - 1) {
    for (const element of data) into.push(element);
    return;
  }
  for (const row of data) flatten(name, shape, depth + 1, row, into);
}

function encode(name: string, dataType: DataType, flat: unknown[]): Uint8Array {
  switch (dataType) {
    case 'BYTES':
      return encodeStrings(texts(name, flat));
    case 'BOOL':
      return booleans(name, flat);
    case 'FP16':
    case 'FP32':
    case 'FP64':
      return floats(name, dataType, flat);
    case 'INT64':
    case 'UINT64':
      return bytesOf(wideIntegers(name, dataType, flat));
    default:
      return integers(name, dataType, flat);
  }
}

function texts(name: string, flat: unknown[]): string[] {
  return flat.map((value, index) => {
    if (typeof value !== 'string') throw wrongElement(name, 'BYTES', index, value, 'a string');
    return value;
  });
}

function booleans(name: string, flat: unknown[]): Uint8Array {
  const bytes = new Uint8Array(flat.length);
  for (let index = 0; index < flat.length; index++) {
    const value = flat[index];
    if (typeof value !== 'boolean') throw wrongElement(name, 'BOOL', index, value, 'true or false');
    bytes[index] = value ? 1 : 0;
  }
  return bytes;
}

function floats(name: string, dataType: 'FP16' | 'FP32' | 'FP64', flat: unknown[]): Uint8Array {
  const values = new TYPED_ARRAYS[dataType](flat.length);
  for (let index = 0; index < flat.length; index++) {
    const value = flat[index];
    if (typeof value !== 'number') throw wrongElement(name, dataType, index, value, 'a number');
    values[index] = value;
    // JSON has no infinity: one that appears here is a number too large for the data type.
    if (!Number.isFinite(values[index]))
      throw wrongElement(name, dataType, index, value, 'a number within its range');
  }
  return bytesOf(values);
}

type Integers = 'UINT8' | 'UINT16' | 'UINT32' | 'INT8' | 'INT16' | 'INT32';

function integers(name: string, dataType: Integers, flat: unknown[]): Uint8Array {
  const values = new TYPED_ARRAYS[dataType](flat.length);
  for (let index = 0; index < flat.length; index++)
    values[index] = integer(name, dataType, index, flat[index]);
  return bytesOf(values);
}

function wideIntegers(name: string, dataType: 'INT64' | 'UINT64', flat: unknown[]): NumericElements {
  const values = new TYPED_ARRAYS[dataType](flat.length);
  for (let index = 0; index < flat.length; index++) {
    values[index] = BigInt(integer(name, dataType, index, flat[index]));
  }
  return values;
}

function integer(name: string, dataType: DataType, index: number, value: unknown): number {
  const [low, high] = INTEGER_RANGES[dataType] ?? [0, 0];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw wrongElement(name, dataType, index, value, `a whole number from ${low} to ${high}`);
  }
  return value;
}

function wrongElement(
  name: string,
  dataType: DataType,
  index: number,
  value: unknown,
  expected: string,
): Error {
  return invalidTensor(name, `element ${index} is ${shown(value)}, ${dataType} takes ${expected}`);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** True when a float tensor holds a NaN or an infinity, which JSON cannot say. */
export function hasNonFinite(tensor: Tensor): boolean {
  return nonFiniteIndex(tensor, elements(tensor)) !== -1;
}

function nonFiniteIndex(tensor: Tensor, values: NumericElements | string[]): number {
  if (!tensor.dataType.startsWith('FP')) return -1;
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) return index;
  return -1;
}

/**
 * Writes a tensor as Open Inference Protocol v2 JSON with flat data. Throws `output-not-finite` for NaN or an infinity
 * (a null instead would be a silent change), and `tensor-invalid` for an integer beyond 2^53.
 */
export function tensorToJson(tensor: Tensor): JsonTensor {
  const { name, dataType, shape } = tensor;
  const values = elements(tensor);
  const bad = nonFiniteIndex(tensor, values);
  if (bad !== -1) throw notFinite(name, bad, values[bad]);
  return { name, datatype: dataType, shape, data: jsonData(tensor, values) };
}

function jsonData(tensor: Tensor, values: NumericElements | string[]): JsonTensor['data'] {
  if (Array.isArray(values)) return values;
  if (tensor.dataType === 'BOOL') return [...values].map((value) => Number(value) !== 0);
  if (!(values instanceof BigInt64Array || values instanceof BigUint64Array)) return [...values];
  return Array.from(values, (value, index) => {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw invalidTensor(tensor.name, `element ${index} is ${value}, beyond what JSON carries exactly (2^53)`);
  });
}

function notFinite(name: string, index: number, value: unknown): Error {
  return failure(
    'output-not-finite',
    `tensor "${name}": element ${index} is ${String(value)}, which JSON cannot say`,
    'Check the inputs for values that the model was not trained on, or ask for binary tensor data.',
  );
}
