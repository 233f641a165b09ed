import { DamagedProtobuf } from './protobuf.ts';
import { readValueInfo } from './value-info.ts';
import type { ValueInfo } from './value-info.ts';
import type { Field, ProtobufReader, Visit } from './protobuf.ts';

/** The parts of an ONNX file that say what a model is; its weights and most attributes are passed over. */
export interface ModelProto {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  opset: Map<string, number>;
  metadata: Map<string, string>;
  hasGraph: boolean;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** Names of the main graph's initializers. */
  initializers: Set<string>;
  /** `domain:Operator`. */
  operators: Set<string>;
  /** Locations of external data, as the file names them. */
  externalData: Set<string>;
  /** Class labels of the last classifier, the one nearest to the outputs. */
  labels: Label[] | undefined;
}

type Label = string | number;

/** Operators of `ai.onnx.ml` that carry class labels, under any of these attribute names (onnx/docs/Operators-ml.md). */
const LABELLING = new Set(['TreeEnsembleClassifier', 'LinearClassifier', 'SVMClassifier', 'ZipMap']);
const LABEL_ATTRIBUTES = new Set(['classlabels_strings', 'classlabels_int64s', 'classlabels_ints']);

/** More classes than any classifier has; each costs memory. */
const MAX_LABELS = 1_000_000;
const DEFAULT_DOMAIN = 'ai.onnx';
const domainName = (domain: string): string => (domain === '' ? DEFAULT_DOMAIN : domain);

/**
 * Reads a ModelProto. Field numbers here and below are those of onnx/onnx.proto3
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3). Throws DamagedProtobuf.
 */
export async function readModelProto(reader: ProtobufReader): Promise<ModelProto> {
  const model: ModelProto = {
    irVersion: 0,
    producerName: '',
    producerVersion: '',
    opset: new Map(),
    metadata: new Map(),
    hasGraph: false,
    inputs: [],
    outputs: [],
    initializers: new Set(),
    operators: new Set(),
    externalData: new Set(),
    labels: undefined,
  };
  await reader.root(modelFields(reader, model));
  return model;
}

function modelFields(reader: ProtobufReader, model: ModelProto): Visit {
  return async (field) => {
    if (field.number === 1) model.irVersion = reader.integer(field);
    if (field.number === 2) model.producerName = await reader.text(field);
    if (field.number === 3) model.producerVersion = await reader.text(field);
    if (field.number === 7) await readMainGraph(reader, field, model);
    if (field.number === 8) await readOpset(reader, field, model);
    if (field.number === 14) model.metadata.set(...(await readEntry(reader, field)));
    if (field.number === 25) await readFunction(reader, field, model);
  };
}

/** OperatorSetIdProto. */
async function readOpset(reader: ProtobufReader, message: Field, model: ModelProto): Promise<void> {
  let domain = '';
  let version = 0;
  await reader.message(message, async (field) => {
    if (field.number === 1) domain = await reader.text(field);
    if (field.number === 2) version = reader.integer(field);
  });
  if (version < 1) throw new DamagedProtobuf(message.offset, `operator set version ${version}`);
  const name = domainName(domain);
  model.opset.set(name, Math.max(version, model.opset.get(name) ?? 0));
}

/** StringStringEntryProto. */
async function readEntry(reader: ProtobufReader, message: Field): Promise<[string, string]> {
  const entry: [string, string] = ['', ''];
  await reader.message(message, async (field) => {
    if (field.number === 1) entry[0] = await reader.text(field);
    if (field.number === 2) entry[1] = await reader.text(field);
  });
  return entry;
}

/** FunctionProto: nodes that stand for one operator. */
async function readFunction(reader: ProtobufReader, message: Field, model: ModelProto): Promise<void> {
  await reader.message(message, (field) => {
    if (field.number === 7) return readNode(reader, field, model);
    if (field.number === 9) return readOpset(reader, field, model);
    return undefined;
  });
}

/** GraphProto of the model. */
async function readMainGraph(reader: ProtobufReader, message: Field, model: ModelProto): Promise<void> {
  model.hasGraph = true;
  await reader.message(message, async (field) => {
    if (field.number === 5) model.initializers.add(await readTensor(reader, field, model));
    else if (field.number === 15) model.initializers.add(await readSparseTensor(reader, field, model));
    else if (field.number === 11) model.inputs.push(await readValueInfo(reader, field));
    else if (field.number === 12) model.outputs.push(await readValueInfo(reader, field));
    else if (field.number === 1) await readNode(reader, field, model);
  });
}

/** GraphProto of a node's attribute: it adds operators and weights, not inputs. */
async function readSubgraph(reader: ProtobufReader, message: Field, model: ModelProto): Promise<void> {
  await reader.message(message, async (field) => {
    if (field.number === 1) await readNode(reader, field, model);
    if (field.number === 5) await readTensor(reader, field, model);
    if (field.number === 15) await readSparseTensor(reader, field, model);
  });
}

/** NodeProto. */
async function readNode(reader: ProtobufReader, message: Field, model: ModelProto): Promise<void> {
  let operator = '';
  let domain = '';
  const labels: Label[] = [];
  await reader.message(message, async (field) => {
    if (field.number === 4) operator = await reader.text(field);
    if (field.number === 7) domain = await reader.text(field);
    if (field.number === 5) await readAttribute(reader, field, model, labels);
  });
  model.operators.add(`${domainName(domain)}:${operator}`);
  if (domain === 'ai.onnx.ml' && LABELLING.has(operator) && labels.length > 0) model.labels = labels;
}

/** AttributeProto: class labels go into `labels`, subgraphs and tensors into the model. */
async function readAttribute(
  reader: ProtobufReader,
  message: Field,
  model: ModelProto,
  labels: Label[],
): Promise<void> {
  let name = '';
  await reader.message(message, (field) => {
    const read = ATTRIBUTE_CONTENTS.get(field.number);
    if (read !== undefined) return read(reader, field, model);
    if (field.number === 1) return reader.text(field).then((text) => void (name = text));
    if (field.number < 7 || field.number > 9) return undefined;
    // An attribute has one value: the numbers of a whole forest need not be looked at one by one.
    if (!LABEL_ATTRIBUTES.has(name)) return name !== '';
    return readLabels(reader, field, labels);
  });
}

async function readLabels(reader: ProtobufReader, field: Field, labels: Label[]): Promise<void> {
  if (labels.length > MAX_LABELS) throw new DamagedProtobuf(field.offset, `more than ${MAX_LABELS} labels`);
  if (field.number === 9) labels.push(await reader.text(field));
  if (field.number === 8) for (const label of await reader.integers(field)) labels.push(label);
}

/** TensorProto without its elements; its name. */
async function readTensor(reader: ProtobufReader, message: Field, model: ModelProto): Promise<string> {
  let name = '';
  const locations: string[] = [];
  let external = false;
  await reader.message(message, (field) => {
    if (field.number === 8) return reader.text(field).then((text) => void (name = text));
    if (field.number === 13) {
      return readEntry(reader, field).then(
        ([key, value]) => void (key === 'location' && locations.push(value)),
      );
    }
    if (field.number === 14) external = reader.integer(field) === 1;
    return undefined;
  });
  // Of several locations a reader may take any.
  if (external) for (const location of locations) model.externalData.add(location);
  return name;
}

/** SparseTensorProto; the name is the one of its values. */
async function readSparseTensor(reader: ProtobufReader, message: Field, model: ModelProto): Promise<string> {
  let name = '';
  await reader.message(message, async (field) => {
    if (field.number === 1) name = await readTensor(reader, field, model);
    if (field.number === 2) await readTensor(reader, field, model);
  });
  return name;
}

type ReadContent = (reader: ProtobufReader, field: Field, model: ModelProto) => Promise<unknown>;

/** What an attribute can hold besides numbers and text: a tensor or several, graphs, sparse tensors. */
const ATTRIBUTE_CONTENTS: ReadonlyMap<number, ReadContent> = new Map<number, ReadContent>([
  [5, readTensor],
  [10, readTensor],
  [6, readSubgraph],
  [11, readSubgraph],
  [22, readSparseTensor],
  [23, readSparseTensor],
]);
