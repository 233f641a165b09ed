import { failure } from '../errors.ts';
import type { EdgeloopError } from '../errors.ts';
import type { DataType, Tensor } from './tensor.ts';

/** Typed arrays by the data type of their elements; BYTES has none, its elements differ in length. */
export const TYPED_ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Float16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export type NumericElements = InstanceType<(typeof TYPED_ARRAYS)[Exclude<DataType, 'BYTES'>]>;

/** What every malformed tensor is answered with: code `tensor-invalid`. */
export function invalidTensor(name: string, what: string): EdgeloopError {
  return failure(
    'tensor-invalid',
    `tensor "${name}": ${what}`,
    'Send the tensor as the model signature says: name, datatype, shape, and as many elements as the shape holds.',
  );
}

/** Number of elements that a shape holds; 1 for the empty shape of a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/**
 * A tensor's elements: a typed array over the tensor's own bytes (a copy only when they are not aligned), or strings
 * for BYTES. BOOL elements are 0 or 1. Throws `tensor-invalid` when the bytes are not what shape and data type say.
 */
export function elements(tensor: Tensor): NumericElements | string[] {
  return tensor.dataType === 'BYTES' ? stringElements(tensor) : numericElements(tensor, tensor.dataType);
}

/** The same for a tensor that is not BYTES, as its data type names. */
export function numericElements(tensor: Tensor, dataType: Exclude<DataType, 'BYTES'>): NumericElements {
  const TypedArray = TYPED_ARRAYS[dataType];
  const { data } = tensor;
  const count = elementCount(tensor.shape);
  if (data.byteLength !== count * TypedArray.BYTES_PER_ELEMENT) {
    const want = `${count * TypedArray.BYTES_PER_ELEMENT} bytes for ${dataType} [${tensor.shape.join(',')}]`;
    throw invalidTensor(tensor.name, `${data.byteLength} bytes of data, expected ${want}`);
  }
  const { buffer, byteOffset } = data;
  const aligned = byteOffset % TypedArray.BYTES_PER_ELEMENT === 0;
  // ONNX Runtime refuses memory that is shared between threads.
  if (aligned && buffer instanceof ArrayBuffer) return new TypedArray(buffer, byteOffset, count);
  return new TypedArray(new Uint8Array(data).buffer);
}

/** The strings of a BYTES tensor. Throws `tensor-invalid` for a length that lies or text that is not UTF-8. */
export function stringElements(tensor: Tensor): string[] {
  const count = elementCount(tensor.shape);
  const { data } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const strings: string[] = [];
  let position = 0;
  while (position < data.byteLength) {
    const start = position + 4;
    const end = start <= data.byteLength ? start + view.getUint32(position, true) : Infinity;
    if (end > data.byteLength) throw invalidTensor(tensor.name, `element ${strings.length} is cut short`);
    strings.push(decodeText(decoder, data.subarray(start, end), tensor.name, strings.length));
    position = end;
  }
  if (strings.length !== count) {
    throw invalidTensor(
      tensor.name,
      `${strings.length} elements, expected ${count} for [${tensor.shape.join(',')}]`,
    );
  }
  return strings;
}

function decodeText(
  decoder: { decode(bytes: Uint8Array): string },
  bytes: Uint8Array,
  name: string,
  index: number,
): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalidTensor(name, `element ${index} is not UTF-8 text`);
  }
}

/** Strings as the bytes of a BYTES tensor: each a 4-byte little-endian length and its UTF-8 text. */
export function encodeStrings(strings: readonly string[]): Uint8Array {
  const lengths = strings.map((text) => Buffer.byteLength(text));
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + 4 + length, 0));
  const buffer = Buffer.from(bytes.buffer);
  let position = 0;
  for (const [index, text] of strings.entries()) {
    position = buffer.writeUInt32LE(lengths[index] ?? 0, position);
    position += buffer.write(text, position);
  }
  return bytes;
}

/** A tensor over the bytes of a typed array, without copying them. */
export function tensorOf(
  name: string,
  dataType: Exclude<DataType, 'BYTES'>,
  shape: number[],
  values: NumericElements,
): Tensor {
  return checked({ name, dataType, shape, data: bytesOf(values) }, values.length);
}

/** An FP32 tensor. */
export function floatTensor(name: string, shape: number[], values: Iterable<number>): Tensor {
  return tensorOf(name, 'FP32', shape, Float32Array.from(values));
}

/** An INT64 tensor. */
export function int64Tensor(name: string, shape: number[], values: Iterable<bigint | number>): Tensor {
  return tensorOf(name, 'INT64', shape, BigInt64Array.from([...values].map(BigInt)));
}

/** A BYTES tensor of UTF-8 strings. */
export function stringTensor(name: string, shape: number[], values: readonly string[]): Tensor {
  return checked({ name, dataType: 'BYTES', shape, data: encodeStrings(values) }, values.length);
}

export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function checked(tensor: Tensor, count: number): Tensor {
  const expected = elementCount(tensor.shape);
  if (count !== expected) {
    throw invalidTensor(
      tensor.name,
      `${count} elements, expected ${expected} for [${tensor.shape.join(',')}]`,
    );
  }
  return tensor;
}
