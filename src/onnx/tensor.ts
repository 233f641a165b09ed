/** Tensor data types by their Open Inference Protocol v2 names. */
export const DATA_TYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
] as const;

export type DataType = (typeof DATA_TYPES)[number];

/**
 * A tensor in the one form that every part of Edgeloop passes around, so that nothing re-encodes it:
 * little-endian row-major elements, and for BYTES each element as a 4-byte little-endian length and its bytes
 * (Open Inference Protocol, "Binary Tensor Data Extension").
 */
export interface Tensor {
  name: string;
  dataType: DataType;
  /** Sizes of the dimensions; their product is the number of elements. */
  shape: number[];
  data: Uint8Array;
}
