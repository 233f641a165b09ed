import { failure } from '../errors.ts';
import type { ModelSignature, TensorSpec } from '../onnx/index.ts';
import { quoted, type TableReader } from './columns.ts';
import { openTable } from './open-table.ts';

/** An input of a model, and the columns of a table that fill it: one for each value that it takes per row. */
export interface InputColumns {
  spec: TensorSpec;
  columns: readonly string[];
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
  /** The columns of the input that takes several values per row, as the training names them. */
  featureOrder?: readonly string[] | undefined;
}

type Table = Pick<TableReader, 'file' | 'columns'>;

/**
 * The inputs that a table has to fill, all but the optional ones that it has no column for: one that takes one value
 * per row ([N], [N,1]) from the column of its name, one that takes several ([N,64], [N,1,8,8]) from the columns of the
 * feature order, row-major. Throws `input-shape-unsupported` and what `featureOrderIn` throws.
 */
export function columnInputs(inputs: Inputs, table: Table): InputColumns[] {
  const order = featureOrderIn(inputs, table);
  return required(inputs.modelSignature, table.columns).map((spec) => ({
    spec,
    columns: valuesPerRow(spec) === 1 ? [spec.name] : (order?.columns ?? []),
  }));
}

/**
 * The order of the columns that fill the one input with several values per row: the training's, or, for a model with
 * no other input, the file's own if it has exactly as many columns without the label. `undefined` when there is no such
 * input. Throws `feature-order-missing`, `-length`, `-label`, `-unclear` and `-unused`.
 */
export function featureOrderIn(inputs: Inputs, { file, columns }: Table): FeatureOrder | undefined {
  const { modelSignature, label, featureOrder } = inputs;
  const [input, second] = required(modelSignature, columns).filter((spec) => valuesPerRow(spec) > 1);
  if (input === undefined) {
    if (featureOrder === undefined) return undefined;
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
  const others = columns.filter((name) => name !== label);
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
    const names = valuesPerRow(spec) === 1 ? [spec.name] : featureOrder;
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

function required({ inputs }: ModelSignature, columns: readonly string[]): TensorSpec[] {
  return inputs.filter((input) => !input.optional || columns.includes(input.name));
}

function valuesPerRow(spec: TensorSpec): number {
  const [rows, ...sizes] = spec.shape;
  // The one dimension that may be left open: skl2onnx writes a column so.
  const values = sizes.length === 1 && sizes[0] === null ? 1 : product(sizes);
  if (rows !== undefined && values > 0) return values;
  throw failure(
    'input-shape-unsupported',
    `The model's input ${described(spec)} does not say how many values it takes per row.`,
    'Export the model with the batch as the first dimension and every other one fixed, such as [N,1] or [N,64].',
  );
}

/** 0 when a size is not known. */
function product(sizes: readonly (number | null)[]): number {
  return sizes.reduce<number>((all, size) => all * (size ?? 0), 1);
}

function described({ name, shape }: TensorSpec): string {
  return `${quoted(name)} [${shape.map((size) => size ?? 'N').join(',')}]`;
}

function orderProblem(what: string, message: string, remedy: string): Error {
  return failure(`feature-order-${what}`, message, remedy);
}
