import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { softmaxModel } from '../../../test/fixtures/softmax-model.ts';
import {
  type DataType,
  elements,
  type ModelSignature,
  readModelFile,
  type Session,
  startSession,
} from '../../onnx/index.ts';
import { chooseGolden } from './golden.ts';
import { columnInputs, featureOrderIn } from './input-columns.ts';
import { inputTensors, rowsPerRun } from './input-tensors.ts';
import { scoreHoldout } from './score.ts';
import { referenceStatistics } from '../data/statistics.ts';
import type { ArrayColumn, Batch } from '../tables/columns.ts';
import { unknownCategories } from '../data/unknown-categories.ts';

const TASK = 'multiclass-classification';
const DIAGONAL = [
  [9, 0, 0],
  [0, 9, 0],
  [0, 0, 9],
];
const LABELS = ['zero', 'one', 'two'];
const fixture = (name: string): string => join(import.meta.dirname, '../tables/fixtures', name);

describe('a holdout with arrays', () => {
  let folder = '';
  const sessions: Session[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-arrays-'));
  });
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.close()));
    await rm(folder, { recursive: true });
  });

  const open = async (shape: number[]) => {
    const modelFile = join(folder, 'model.onnx');
    await writeFile(
      modelFile,
      softmaxModel({
        shape,
        weights: DIAGONAL.slice(
          0,
          shape.reduce((a, b) => a * b),
        ),
        labels: LABELS,
      }),
    );
    const session = await startSession({ modelFile });
    sessions.push(session);
    const { modelSignature } = await readModelFile(modelFile);
    return { session, modelSignature, label: 'y', task: TASK };
  };

  it.each([
    ['by its name, another data type', 'tensors.npz', [3]],
    ['by its name, another rank', 'tensors.npz', [1, 3, 1]],
    ['by being the only one', 'tensors-3d.npz', [1, 3]],
  ])('is predicted as the CSV file with a feature order is: %s', async (_, name, shape) => {
    const csv = join(folder, 'holdout.csv');
    await writeFile(csv, 'b,y,a,c\n0,zero,1,0\n0,two,0,1\n1,one,0,0\n1,two,0,0\n');
    const model = await open(shape);
    const expected = await scoreHoldout({ ...model, holdout: csv, featureOrder: ['a', 'b', 'c'] });
    const args = { ...model, holdout: fixture(name) };
    const predictions = await scoreHoldout(args);
    expect(predictions).toEqual(expected);
    expect(await chooseGolden({ ...args, predictions })).toEqual(
      await chooseGolden({ ...model, holdout: csv, featureOrder: ['a', 'b', 'c'], predictions }),
    );
  });

  it('has no statistics of arrays and no categories in them', async () => {
    const { modelSignature } = await open([3]);
    expect(await referenceStatistics([fixture('tensors.npz')], modelSignature)).toBeUndefined();
    const categories = { x: { kind: 'categorical' as const, rows: 1, shares: { a: 1 } } };
    expect(await unknownCategories(fixture('tensors.npz'), categories)).toEqual([]);
  });

  it.each(['unequal.npz', 'nested.parquet', 'pickled.npz'])(
    'has no statistics of training data that are no table: %s',
    async (name) => {
      const modelSignature: ModelSignature = {
        inputs: [{ name: 'x', dataType: 'FP32', shape: [null] }],
        outputs: [],
      };
      expect(await referenceStatistics([fixture(name)], modelSignature)).toBeUndefined();
    },
  );

  it('says that a label of several values per row is none', async () => {
    const model = await open([3]);
    await expect(
      scoreHoldout({ ...model, holdout: fixture('tensors-3d.npz'), label: 'pixels' }),
    ).rejects.toMatchObject({
      code: 'column-missing',
      message: expect.stringMatching(
        /tensors-3d\.npz: the file has no column "pixels" \(an array with several/,
      ),
    });
  });

  it('says that the shape differs', async () => {
    await expect(
      scoreHoldout({ ...(await open([2])), holdout: fixture('tensors.npz') }),
    ).rejects.toMatchObject({
      code: 'array-shape',
      message: expect.stringMatching(
        /The array "x" \[N,3\] of .*tensors\.npz does not fit .* input "x" \[N,2\]/,
      ),
    });
  });
});

const signature = (shape: (number | null)[], dataType: DataType = 'FP32'): ModelSignature => ({
  inputs: [{ name: 'x', dataType, shape }],
  outputs: [],
});
const tableOf = (...arrays: ArrayColumn[]) => ({ file: 'h.npz', columns: ['y'], arrays });
const array = (shape: number[], dataType: ArrayColumn['dataType'] = 'FP64', name = 'x'): ArrayColumn => ({
  name,
  dataType,
  shape,
});

describe('columnInputs', () => {
  it.each([
    ['an open dimension takes its size', [null, null, 3], [5, 3]],
    ['an open column does, too', [null, null], [5]],
    ['fixed dimensions need the same number of values', [null, 5, 3], [15]],
  ])('%s', (_, shape, found) => {
    const inputs = columnInputs({ modelSignature: signature(shape), label: 'y' }, tableOf(array(found)));
    expect(inputs).toMatchObject([{ columns: [], array: { name: 'x' } }]);
    expect(rowsPerRun(inputs, 1_000_000)).toBe(Math.floor(1_000_000 / found.reduce((a, b) => a * b)));
  });

  it.each([
    ['a fixed dimension beside an open one', [null, null, 3], [5, 4]],
    ['another rank beside an open one', [null, null, 3], [15]],
    ['several values for one', [null, 1], [2]],
  ])('refuses %s', (_, shape, found) => {
    expect(() =>
      columnInputs({ modelSignature: signature(shape), label: 'y' }, tableOf(array(found))),
    ).toThrow(expect.objectContaining({ code: 'array-shape' }));
  });

  it('takes an array of another name only when nothing else is meant', () => {
    const other = array([3], 'FP32', 'pixels');
    const inputs = { modelSignature: signature([null, 3]), label: 'y' };
    expect(columnInputs(inputs, tableOf(other))).toMatchObject([{ array: { name: 'pixels' } }]);
    expect(() => columnInputs(inputs, tableOf(other, array([3], 'FP32', 'more')))).toThrow(
      expect.objectContaining({ code: 'feature-order-missing' }),
    );
    const named = { ...inputs, featureOrder: ['a', 'b', 'c'] };
    expect(columnInputs(named, tableOf(other))).toEqual([
      { spec: inputs.modelSignature.inputs[0], columns: ['a', 'b', 'c'] },
    ]);
    const single = { ...inputs, modelSignature: signature([null, 1]) };
    expect(columnInputs(single, tableOf(other))).toMatchObject([{ columns: ['x'] }]);
  });

  it("keeps the training's order for its statistics when an array fills the input", () => {
    const inputs = { modelSignature: signature([null, 3]), label: 'y', featureOrder: ['a', 'b', 'c'] };
    expect(featureOrderIn(inputs, tableOf(array([3])))).toEqual({
      columns: ['a', 'b', 'c'],
      from: 'trainer',
    });
  });
});

const tensor = (
  values: ArrayBufferView & ArrayLike<unknown>,
  dataType: ArrayColumn['dataType'],
  to: DataType,
) => {
  const column = array([2], dataType);
  const batch: Batch = {
    rows: values.length / 2,
    column: () => [],
    array: () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    place: (row, name) => `h.npz: row ${row + 1}, column "${name}"`,
  };
  const inputs = columnInputs({ modelSignature: signature([null, 2], to), label: 'y' }, tableOf(column));
  const [found] = inputTensors(batch, inputs);
  if (found === undefined) throw new Error('no tensor');
  return { dataType: found.dataType, shape: found.shape, values: Array.from<unknown>(elements(found)) };
};

describe('a tensor from an array', () => {
  it.each<[ArrayBufferView & ArrayLike<unknown>, ArrayColumn['dataType'], DataType, unknown[]]>([
    [Float64Array.of(0.5, -2, Number.NaN, 7), 'FP64', 'FP32', [0.5, -2, Number.NaN, 7]],
    [Float64Array.of(3, -2), 'FP64', 'INT64', [3n, -2n]],
    [BigInt64Array.of(2n ** 62n, -1n), 'INT64', 'INT64', [2n ** 62n, -1n]],
    [Uint8Array.of(0, 255), 'UINT8', 'FP16', [0, 255]],
    [Uint8Array.of(1, 0), 'BOOL', 'FP32', [1, 0]],
    [Int32Array.of(1, 2), 'INT32', 'BYTES', ['1', '2']],
  ])('%o of %s for %s', (values, from, to, expected) => {
    expect(tensor(values, from, to)).toEqual({
      dataType: to,
      shape: [values.length / 2, 2],
      values: expected,
    });
  });

  it.each<[ArrayBufferView & ArrayLike<unknown>, ArrayColumn['dataType'], DataType, string, string]>([
    [Float64Array.of(1, 2, 3, 1.5), 'FP64', 'INT32', 'cell-not-a-number', 'row 2, column "x": found "1.5"'],
    [Float64Array.of(Number.NaN, 2), 'FP64', 'INT32', 'cell-not-a-number', 'row 1, column "x": found "NaN"'],
    [Float64Array.of(1, 2, 1e39, 4), 'FP64', 'FP32', 'cell-out-of-range', 'row 2, column "x": "1e+39"'],
    [Float32Array.of(1, Number.POSITIVE_INFINITY), 'FP32', 'FP32', 'cell-out-of-range', '"Infinity"'],
    [Int16Array.of(1, -1), 'INT16', 'UINT8', 'cell-out-of-range', 'row 1, column "x": "-1"'],
    [BigInt64Array.of(2n ** 62n, 0n), 'INT64', 'UINT64', 'cell-out-of-range', '"4611686018427387904"'],
  ])('%o of %s does not go into %s', (values, from, to, code, message) => {
    expect(() => tensor(values, from, to)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
