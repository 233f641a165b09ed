import type { Ensemble } from './boost.ts';
import type { Encoding } from './encode.ts';
import {
  bytesField,
  floatField,
  floatsField,
  intField,
  intsField,
  message,
  textField,
  textsField,
} from './protobuf.ts';
import type { Tree } from './trees.ts';

// Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx-ml.proto

/** One input of the model; a text column comes with the encoding that turns it into a number. */
export type ModelInput = { name: string } & ({ kind: 'number' } | { kind: 'text'; encoding: Encoding });

/** Everything that goes into the file. */
export interface ChurnModel {
  inputs: ModelInput[];
  /** The label's values by class. */
  classes: readonly string[];
  ensemble: Ensemble;
}

const FLOAT = 1;
const INT64 = 7;
const STRING = 8;
const OPSETS = [
  { domain: '', version: 17 },
  { domain: 'ai.onnx.ml', version: 3 },
];

/**
 * The bytes of an ONNX model: one input [N,1] per column (FLOAT or STRING), outputs `label` INT64 [N] and
 * `probabilities` FLOAT [N,2], the same as skl2onnx gives a scikit-learn classifier without its zipmap.
 * Its metadata says which label a class means (`labels`) and the order of the inputs (`features`).
 */
export function onnxModel({ inputs, classes, ensemble }: ChurnModel): Uint8Array {
  const names = inputs.map(({ name }) => name);
  return message(
    intField(1, 8), // ir_version
    textField(2, 'examples/churn'), // producer_name
    bytesField(7, graph(inputs, ensemble)),
    ...OPSETS.map(({ domain, version }) =>
      bytesField(8, message(textField(1, domain), intField(2, version))),
    ),
    ...Object.entries({ features: names, labels: classes }).map(([key, value]) =>
      bytesField(14, message(textField(1, key), textField(2, JSON.stringify(value)))),
    ),
  );
}

/** Text inputs → LabelEncoder; these and the numbers → Concat → TreeEnsembleClassifier. */
function graph(inputs: ModelInput[], ensemble: Ensemble): Uint8Array {
  const numbers = inputs.map((input) => (input.kind === 'text' ? `${input.name}_rank` : input.name));
  const nodes = [
    ...inputs.flatMap((input) => (input.kind === 'text' ? [labelEncoder(input.name, input.encoding)] : [])),
    node('', 'Concat', numbers, ['row'], [intAttribute('axis', 1)]),
    node(
      'ai.onnx.ml',
      'TreeEnsembleClassifier',
      ['row'],
      ['label', 'probabilities'],
      treeAttributes(ensemble),
    ),
  ];
  return message(
    ...nodes.map((bytes) => bytesField(1, bytes)),
    textField(2, 'churn'),
    ...inputs.map(({ name, kind }) =>
      bytesField(11, tensor(name, kind === 'text' ? STRING : FLOAT, ['N', 1])),
    ),
    bytesField(12, tensor('label', INT64, ['N'])),
    bytesField(12, tensor('probabilities', FLOAT, ['N', 2])),
  );
}

function labelEncoder(name: string, { ranks, unknown }: Encoding): Uint8Array {
  return node(
    'ai.onnx.ml',
    'LabelEncoder',
    [name],
    [`${name}_rank`],
    [
      textsAttribute('keys_strings', [...ranks.keys()]),
      floatsAttribute('values_floats', [...ranks.values()]),
      floatAttribute('default_float', unknown),
    ],
  );
}

interface NodeRow {
  tree: number;
  node: number;
  mode: 'BRANCH_LEQ' | 'LEAF';
  feature: number;
  threshold: number;
  low: number;
  high: number;
  weight: number;
}

/**
 * The trees as ONNX wants them: parallel lists, one entry per node. There is one score but there are two classes:
 * when every leaf names class 0, ONNX Runtime takes the sum as the score of class 1 and derives the other from it.
 * It does so only when some leaf is negative; the two sides of a first split pull in opposite directions, so one is.
 */
function treeAttributes({ base, trees }: Ensemble): Uint8Array[] {
  const rows = trees.flatMap((tree, index) => nodeRows(tree, index));
  const modes = rows.map(({ mode }) => mode);
  const leaves = rows.filter(({ mode }) => mode === 'LEAF');
  return [
    intsAttribute('nodes_treeids', list(rows, 'tree')),
    intsAttribute('nodes_nodeids', list(rows, 'node')),
    intsAttribute('nodes_featureids', list(rows, 'feature')),
    textsAttribute('nodes_modes', modes),
    floatsAttribute('nodes_values', list(rows, 'threshold')),
    intsAttribute('nodes_truenodeids', list(rows, 'low')),
    intsAttribute('nodes_falsenodeids', list(rows, 'high')),
    intsAttribute('class_treeids', list(leaves, 'tree')),
    intsAttribute('class_nodeids', list(leaves, 'node')),
    intsAttribute('class_ids', Array<number>(leaves.length).fill(0)),
    floatsAttribute('class_weights', list(leaves, 'weight')),
    intsAttribute('classlabels_int64s', [0, 1]),
    floatsAttribute('base_values', [base]),
    textAttribute('post_transform', 'LOGISTIC'),
  ];
}

function list(rows: NodeRow[], key: Exclude<keyof NodeRow, 'mode'>): number[] {
  return rows.map((row) => row[key]);
}

/** The nodes of one tree, each before its children, the low side first. */
function nodeRows(tree: Tree, index: number): NodeRow[] {
  const rows: NodeRow[] = [];
  const visit = (part: Tree): number => {
    const id = { tree: index, node: rows.length };
    if (part.kind === 'leaf') {
      rows.push({ ...id, mode: 'LEAF', feature: 0, threshold: 0, low: 0, high: 0, weight: part.value });
      return id.node;
    }
    const { feature, threshold } = part;
    const row: NodeRow = { ...id, mode: 'BRANCH_LEQ', feature, threshold, low: 0, high: 0, weight: 0 };
    rows.push(row);
    row.low = visit(part.low);
    row.high = visit(part.high);
    return id.node;
  };
  visit(tree);
  return rows;
}

function node(
  domain: string,
  type: string,
  from: string[],
  to: string[],
  attributes: Uint8Array[],
): Uint8Array {
  return message(
    textsField(1, from),
    textsField(2, to),
    textField(3, to[0] ?? type), // name
    textField(4, type),
    ...attributes.map((bytes) => bytesField(5, bytes)),
    textField(7, domain),
  );
}

/** A tensor's name, type and shape; a dimension with a name is as long as the caller wants. */
function tensor(name: string, elementType: number, shape: (string | number)[]): Uint8Array {
  const dimensions = shape.map((size) =>
    bytesField(1, typeof size === 'string' ? textField(2, size) : intField(1, size)),
  );
  const tensorType = message(intField(1, elementType), bytesField(2, message(...dimensions)));
  return message(textField(1, name), bytesField(2, bytesField(1, tensorType)));
}

function attribute(name: string, type: number, value: Uint8Array): Uint8Array {
  return message(textField(1, name), value, intField(20, type));
}

const floatAttribute = (name: string, value: number) => attribute(name, 1, floatField(2, value));
const intAttribute = (name: string, value: number) => attribute(name, 2, intField(3, value));
const textAttribute = (name: string, value: string) => attribute(name, 3, textField(4, value));
const floatsAttribute = (name: string, values: number[]) => attribute(name, 6, floatsField(7, values));
const intsAttribute = (name: string, values: number[]) => attribute(name, 7, intsField(8, values));
const textsAttribute = (name: string, values: string[]) => attribute(name, 8, textsField(9, values));
