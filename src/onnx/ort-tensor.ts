import type * as ort from 'onnxruntime-node';
import { bytesOf, encodeStrings, numericElements, stringElements, TYPED_ARRAYS } from './elements.ts';
import type { TensorSpec } from './model-signature.ts';
import type { DataType, Tensor } from './tensor.ts';

/** ONNX Runtime's names of the data types. */
const ORT_TYPES = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
} as const satisfies Record<DataType, ort.Tensor.Type>;

const isDataType = (name: string): name is DataType => name in ORT_TYPES;

function dataTypeOf(ortType: string, name: string): DataType {
  for (const [dataType, known] of Object.entries(ORT_TYPES)) {
    if (known === ortType && isDataType(dataType)) return dataType;
  }
  throw new Error(`"${name}" is of type ${ortType}, which the Open Inference Protocol does not know`);
}

/** A tensor for ONNX Runtime over the same bytes; only strings are made anew. */
export function toOrtTensor(Ort: ort.TensorConstructor, tensor: Tensor): ort.Tensor {
  const { dataType, shape } = tensor;
  if (dataType === 'BYTES') return new Ort('string', stringElements(tensor), shape);
  const values = numericElements(tensor, dataType);
  return new Ort(ORT_TYPES[dataType], values instanceof TYPED_ARRAYS.FP16 ? bitsOf(values) : values, shape);
}

/** Half floats are handed over as their bits (see session-host.ts). */
const bitsOf = (values: Float16Array): Uint16Array =>
  new Uint16Array(values.buffer, values.byteOffset, values.length);

/** What ONNX Runtime computed, over the same bytes; only strings are encoded. */
export function fromOrtTensor(name: string, value: ort.Tensor): Tensor {
  const dataType = dataTypeOf(value.type, name);
  const data = Array.isArray(value.data) ? encodeStrings(value.data) : bytesOf(value.data);
  return { name, dataType, shape: [...value.dims], data };
}

/** An input or output as ONNX Runtime reports it; throws for sequences, maps and types without a tensor data type. */
export function specOf(metadata: ort.InferenceSession.ValueMetadata): TensorSpec {
  const { name } = metadata;
  if (!metadata.isTensor) throw new Error(`"${name}" is a sequence or a map; only tensors can be served`);
  const shape = metadata.shape.map((size) => (typeof size === 'number' ? size : null));
  return { name, dataType: dataTypeOf(metadata.type, name), shape };
}
