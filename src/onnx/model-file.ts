import { open } from 'node:fs/promises';
import { failure, messageOf } from '../errors.ts';
import type { EdgeloopError } from '../errors.ts';
import { checkExternalData } from './external-data.ts';
import { readModelProto } from './model-proto.ts';
import type { ModelProto } from './model-proto.ts';
import type { ValueInfo } from './value-info.ts';
import type { ModelSignature, TensorSpec } from './model-signature.ts';
import { DamagedProtobuf, protobufReader } from './protobuf.ts';
import type { DataType } from './tensor.ts';

/** What an ONNX file says about itself. */
export interface ModelFile {
  irVersion: number;
  /** Name and version of the tool that wrote it; empty when it does not say. */
  producer: string;
  /** Highest version used, by domain; the default domain is written `ai.onnx`. */
  opset: Record<string, number>;
  metadata: Record<string, string>;
  modelSignature: ModelSignature;
  /** `domain:Operator`, sorted, each once; of subgraphs and functions too. */
  operators: string[];
  /** Files that hold weights, relative to the model's folder; sorted, each once. */
  externalData: string[];
  /** Size of the file itself. */
  bytes: number;
}

/** TensorProto.DataType to Open Inference Protocol; the others (bfloat16, complex, 8 bits and less) have no name there. */
const DATA_TYPES_BY_NUMBER: ReadonlyMap<number, DataType> = new Map([
  [1, 'FP32'],
  [2, 'UINT8'],
  [3, 'INT8'],
  [4, 'UINT16'],
  [5, 'INT16'],
  [6, 'INT32'],
  [7, 'INT64'],
  [8, 'BYTES'],
  [9, 'BOOL'],
  [10, 'FP16'],
  [11, 'FP64'],
  [12, 'UINT32'],
  [13, 'UINT64'],
]);

/** The IR version from which an initializer is a default that a client may override (onnx/docs/IR.md). */
const OVERRIDABLE_SINCE = 4;

/**
 * Reads an ONNX file (onnx.proto3) in constant memory, without its weights. Throws `model-unreadable` that names the
 * byte where it is no ONNX file, `model-unsupported` for inputs or outputs that are not tensors of an Open Inference
 * Protocol data type, and `model-data-outside` or `model-data-missing` for weights that do not lie in its folder.
 */
export async function readModelFile(path: string): Promise<ModelFile> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const proto = await readModelProto(protobufReader(file, size));
    requireModel(proto, size);
    const model = modelFile(path, proto, size);
    await checkExternalData(path, model.externalData);
    return model;
  } catch (error) {
    if (error instanceof DamagedProtobuf) throw unreadable(`${path}, byte ${error.offset}: ${error.message}`);
    if (error instanceof Error && 'syscall' in error) throw unreadable(messageOf(error));
    throw error;
  }
}

function modelFile(path: string, proto: ModelProto, bytes: number): ModelFile {
  return {
    irVersion: proto.irVersion,
    producer: `${proto.producerName} ${proto.producerVersion}`.trim(),
    opset: sortedRecord(proto.opset),
    metadata: sortedRecord(proto.metadata),
    modelSignature: modelSignature(path, proto),
    operators: [...proto.operators].toSorted(),
    externalData: [...proto.externalData].toSorted(),
    bytes,
  };
}

function requireModel(proto: ModelProto, size: number): void {
  if (proto.irVersion < 1) throw new DamagedProtobuf(size, 'it ends without an ONNX IR version');
  if (!proto.hasGraph) throw new DamagedProtobuf(size, 'it ends without a graph');
  if (proto.opset.size === 0) throw new DamagedProtobuf(size, 'it ends without an operator set');
}

const sortedRecord = <T>(map: Map<string, T>): Record<string, T> =>
  Object.fromEntries([...map].toSorted(([left], [right]) => (left < right ? -1 : 1)));

function modelSignature(path: string, proto: ModelProto): ModelSignature {
  const inputs = proto.inputs.flatMap((info) => {
    if (!proto.initializers.has(info.name)) return [tensorSpec(path, 'input', info)];
    // Before, every weight had to be listed as an input as well.
    if (proto.irVersion < OVERRIDABLE_SINCE) return [];
    return [{ ...tensorSpec(path, 'input', info), optional: true }];
  });
  const outputs = proto.outputs.map((info) => tensorSpec(path, 'output', info));
  const labels = metadataLabels(proto.metadata.get('labels')) ?? proto.labels;
  return labels === undefined ? { inputs, outputs } : { inputs, outputs, labels };
}

function tensorSpec(path: string, kind: string, info: ValueInfo): TensorSpec {
  const where = `${path}: ${kind} "${info.name}"`;
  if (info.type !== 'tensor') throw unsupported(`${where} is a ${info.type}, not a tensor`);
  const dataType = DATA_TYPES_BY_NUMBER.get(info.elementType);
  if (dataType === undefined) throw unsupported(`${where} has ONNX element type ${info.elementType}`);
  if (info.shape === undefined) throw unsupported(`${where} has no shape`);
  return { name: info.name, dataType, shape: info.shape };
}

/** A list that is not one of strings or integers is somebody else's property of the same name. */
function metadataLabels(text: string | undefined): (string | number)[] | undefined {
  if (text === undefined) return undefined;
  try {
    const labels: unknown = JSON.parse(text);
    return Array.isArray(labels) && labels.length > 0 && labels.every(isLabel) ? labels : undefined;
  } catch {
    return undefined;
  }
}

const isLabel = (value: unknown): value is string | number =>
  typeof value === 'string' || Number.isSafeInteger(value);

function unreadable(what: string): EdgeloopError {
  return failure(
    'model-unreadable',
    `not a readable ONNX file: ${what}`,
    'Check that the file is a complete ONNX model, not cut short by a download and not a Git LFS pointer.',
  );
}

function unsupported(what: string): EdgeloopError {
  return failure(
    'model-unsupported',
    what,
    'Export the model with named tensors of a known shape as inputs and outputs (scikit-learn: zipmap=False).',
  );
}
