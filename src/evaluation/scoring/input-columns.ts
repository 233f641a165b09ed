import { failure } from '../../errors.ts';
import { elementCount, type ModelSignature, type TensorSpec } from '../../onnx/index.ts';
import { type ArrayColumn, quoted, type TableReader } from '../tables/columns.ts';
import { openTable } from '../tables/open-table.ts';

/** An input of a model, and what fills it: a column for each value that it takes per row, or an array column. */
export interface InputColumns {
  spec: TensorSpec;
  columns: readonly string[];
  array?: ArrayColumn;
}

/** The order of the columns that fill an input with several values per row, and who says so. */
export interface FeatureOrder {
  columns: readonly string[];
  from: 'trainer' | 'holdout';
}

/** A model, and how a table fills its inputs. */
export interface Inputs {
  modelSignature: ModelSignature;
  /** The column that holds the truth. */
  label: string;
  /** The column of sample weights, which fills no input either. */
  weight?: string | undefined;
  /** The columns of the input that takes several values per row, as the training names them. */
  featureOrder?: readonly string[] | undefined;
}

type Table = Pick<TableReader, 'file' | 'columns' | 'arrays'>;

/**
 * The inputs that a table has to fill, all but the optional ones that it has no column for: one that takes one value
 * per row ([N], [N,1]) from the column of its name, one that takes several ([N,64], [N,1,8,8]) from the columns of the
 * feature order, row-major; each from the array column of its name where there is one, and the only input of a model
 * that takes several also from the only array column. Throws `input-shape-unsupported`, `array-shape` and what
 * `featureOrderIn` throws.
 */
export function columnInputs(inputs: Inputs, table: Table): InputColumns[] {
  const order = featureOrderIn(inputs, table);
  return required(inputs.modelSignature, table).map((spec) => {
    const array = arrayFor(spec, inputs, table);
    if (array !== undefined) return { spec, columns: [], array: checkedArray(spec, array, table.file) };
    return { spec, columns: valuesPerRow(spec) === 1 ? [spec.name] : (order?.columns ?? []) };
  });
}

/** The array columns that inputs are filled from. */
export function arraysOf(inputs: readonly InputColumns[]): string[] {
  return inputs.flatMap(({ array }) => (array === undefined ? [] : [array.name]));
}

/**
 * The order of the columns that fill the one input with several values per row: the training's, or, for a model with
 * no other input, the file's own if it has exactly as many columns without the label. `undefined` when there is no such
 * input or an array column fills it. Throws `feature-order-missing`, `-length`, `-label`, `-unclear` and `-unused`.
 */
export function featureOrderIn(inputs: Inputs, table: Table): FeatureOrder | undefined {
  const { modelSignature, label, weight, featureOrder } = inputs;
  const { file, columns } = table;
  const needed = required(modelSignature, table);
  const open = needed.filter((spec) => arrayFor(spec, inputs, table) === undefined);
  const [input, second] = open.filter((spec) => valuesPerRow(spec) > 1);
  if (input === undefined) {
    if (featureOrder === undefined) return undefined;
    // Training data with columns and a holdout with arrays: the order is still that of the training.
    if (open.length < needed.length) return { columns: featureOrder, from: 'trainer' };
    throw orderProblem(
      'unused',
      `The training names an order of ${featureOrder.length} columns, but no input of the model takes more than one.`,
      'Leave "featureOrder" out of trainer.json: each input takes the column of its name.',
    );
  }
  if (second !== undefined) {
    throw orderProblem(
      'unclear',
      `The model's inputs ${described(input)} and ${described(second)} both take several columns; one order can't tell which.`,
      'Export the model with one input for all of these columns.',
    );
  }
  if (featureOrder !== undefined) return trainersOrder(input, label, featureOrder);
  const others = columns.filter((name) => name !== label && name !== weight);
  if (modelSignature.inputs.length === 1 && others.length === valuesPerRow(input))
    return { columns: others, from: 'holdout' };
  throw orderProblem(
    'missing',
    `The model's input ${described(input)} takes ${valuesPerRow(input)} values per row, and ${file} has ${others.length} columns beside the label: which go where is not known.`,
    'Let the training name the columns in their order: {"featureOrder": [...]} in a trainer.json beside the model.',
  );
}

/** The same for a file. */
export async function featureOrderOf(inputs: Inputs, holdout: string): Promise<FeatureOrder | undefined> {
  return featureOrderIn(inputs, await openTable(holdout));
}

/** Each column that fills an input, with the input's data type; without those of an order that is not known. */
export function featureColumns(
  modelSignature: ModelSignature,
  featureOrder: readonly string[] = [],
): Pick<TensorSpec, 'name' | 'dataType'>[] {
  return modelSignature.inputs.flatMap((spec) => {
    const names = knownValuesPerRow(spec) === 1 ? [spec.name] : featureOrder;
    return names.map((name) => ({ name, dataType: spec.dataType }));
  });
}

function trainersOrder(input: TensorSpec, label: string, featureOrder: readonly string[]): FeatureOrder {
  const values = valuesPerRow(input);
  if (featureOrder.length !== values) {
    throw orderProblem(
      'length',
      `The training names an order of ${featureOrder.length} columns, but the model's input ${described(input)} takes ${values} values per row.`,
      'Name one column for each value in "featureOrder" of trainer.json, row-major.',
    );
  }
  if (featureOrder.includes(label)) {
    throw orderProblem(
      'label',
      `The training names the label column ${quoted(label)} as an input of the model.`,
      'Train without the label among the features, and leave it out of "featureOrder" in trainer.json.',
    );
  }
  return { columns: featureOrder, from: 'trainer' };
}

function required({ inputs }: ModelSignature, { columns, arrays = [] }: Table): TensorSpec[] {
  return inputs.filter(
    ({ name, optional }) =>
      !optional || columns.includes(name) || arrays.some((array) => array.name === name),
  );
}

function arrayFor({ name, shape }: TensorSpec, inputs: Inputs, table: Table): ArrayColumn | undefined {
  const { arrays = [] } = table;
  const named = arrays.find((array) => array.name === name);
  const several = shape.slice(1).some((size) => size !== 1);
  const only = arrays.length === 1 && required(inputs.modelSignature, table).length === 1;
  const free = only && several && inputs.featureOrder === undefined && !table.columns.includes(name);
  return named ?? (free ? arrays[0] : undefined);
}

/** An open dimension takes the array's size; where all are fixed, only the number of values has to be the same. */
function checkedArray(spec: TensorSpec, array: ArrayColumn, file: string): ArrayColumn {
  const [rows, ...sizes] = spec.shape;
  const fits = sizes.includes(null)
    ? sizes.length === array.shape.length &&
      sizes.every((size, at) => size === null || size === array.shape[at])
    : product(sizes) === elementCount(array.shape);
  if (rows !== undefined && fits) return array;
  throw failure(
    'array-shape',
    `The array ${described({ name: array.name, shape: [null, ...array.shape] })} of ${file} does not fit the model's input ${described(spec)}.`,
    'Write the array in the shape that the model takes, rows first.',
  );
}

function valuesPerRow(spec: TensorSpec): number {
  const values = knownValuesPerRow(spec);
  if (values !== undefined) return values;
  throw failure(
    'input-shape-unsupported',
    `The model's input ${described(spec)} does not say how many values it takes per row.`,
    'Export the model with the batch as the first dimension and every other one fixed, such as [N,1] or [N,64].',
  );
}

function knownValuesPerRow({ shape: [rows, ...sizes] }: TensorSpec): number | undefined {
  // The one dimension that may be left open: skl2onnx writes a column so.
  const values = sizes.length === 1 && sizes[0] === null ? 1 : product(sizes);
  return rows !== undefined && values > 0 ? values : undefined;
}

/** 0 when a size is not known. */
function product(sizes: readonly (number | null)[]): number {
  return sizes.reduce<number>((all, size) => all * (size ?? 0), 1);
}

function described({ name, shape }: Pick<TensorSpec, 'name' | 'shape'>): string {
  return `${quoted(name)} [${shape.map((size) => size ?? 'N').join(',')}]`;
}

function orderProblem(what: string, message: string, remedy: string): Error {
  return failure(`feature-order-${what}`, message, remedy);
}
