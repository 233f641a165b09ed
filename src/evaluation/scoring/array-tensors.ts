import {
  type DataType,
  elementCount,
  elements,
  stringTensor,
  type Tensor,
  type TensorSpec,
} from '../../onnx/index.ts';
import { badCell, NUMERIC_TYPES, numericTensor, problemOf } from './numeric-types.ts';
import type { ArrayColumn, Batch } from '../tables/columns.ts';

/**
 * The tensor of an input that an array column fills, in the input's data type; an open dimension takes the array's size.
 * Throws `cell-not-a-number` and `cell-out-of-range`.
 */
export function arrayTensor(batch: Batch, spec: TensorSpec, array: ArrayColumn): Tensor {
  const { name, dataType } = spec;
  const shape = [batch.rows, ...spec.shape.slice(1).map((size, at) => size ?? array.shape[at] ?? 1)];
  const data = batch.array?.(array.name) ?? new Uint8Array();
  const values = elements({ name: array.name, dataType: array.dataType, shape, data });
  if (dataType === 'BYTES') return stringTensor(name, shape, Array.from<unknown, string>(values, String));
  const same = array.dataType === dataType;
  if (same && NUMERIC_TYPES[dataType].integer) return { name, dataType, shape, data };
  const numbers = checked(batch, array, values, dataType);
  return same ? { name, dataType, shape, data } : numericTensor(name, dataType, shape, numbers);
}

function checked(
  batch: Batch,
  { name, shape }: ArrayColumn,
  values: Iterable<unknown>,
  dataType: Exclude<DataType, 'BYTES'>,
): number[] {
  const type = NUMERIC_TYPES[dataType];
  const perRow = elementCount(shape);
  return Array.from(values, (found, at) => {
    const value = Number(found);
    const problem = problemOf(value, type);
    if (problem === undefined) return value;
    throw badCell(problem, batch.place(Math.floor(at / perRow), name), String(found), name, dataType);
  });
}
