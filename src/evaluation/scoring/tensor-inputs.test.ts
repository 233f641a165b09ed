import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gateRules, UNCHECKED } from '../../../test/fixtures/gate-input.ts';
import { softmaxModel, type SoftmaxOptions } from '../../../test/fixtures/softmax-model.ts';
import {
  elements,
  type ModelSignature,
  readModelFile,
  type Session,
  startSession,
} from '../../onnx/index.ts';
import { evaluate } from '../evaluate.ts';
import { chooseGolden } from './golden.ts';
import { featureOrderIn } from './input-columns.ts';
import { scoreHoldout, scoreModel } from './score.ts';
import { referenceStatistics } from '../data/statistics.ts';

const TASK = 'multiclass-classification';
/** Class k is told by the value k, so that a value in the wrong place is another class. */
const DIAGONAL = [
  [9, 0, 0],
  [0, 9, 0],
  [0, 0, 9],
];
const HOLDOUT = 'b,y,a,c\n0,zero,1,0\n0,two,0,1\n1,one,0,0\n1,two,0,0\n';
const LABELS = ['zero', 'one', 'two'];

describe('an input with several values per row', () => {
  let folder = '';
  const sessions: Session[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-tensor-'));
  });
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.close()));
    await rm(folder, { recursive: true });
  });

  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const open = async (options: SoftmaxOptions) => {
    const modelFile = await write('model.onnx', softmaxModel(options));
    const session = await startSession({ modelFile });
    sessions.push(session);
    const { modelSignature } = await readModelFile(modelFile);
    const holdout = await write('holdout.csv', HOLDOUT);
    return { session, modelSignature, holdout, label: 'y', task: TASK };
  };

  it.each([{ shape: [3] }, { shape: [1, 3, 1] }])(
    'of shape %o takes the columns of the order',
    async ({ shape }) => {
      const model = {
        ...(await open({ shape, weights: DIAGONAL, labels: LABELS })),
        featureOrder: ['a', 'b', 'c'],
      };
      const found = await scoreHoldout(model);
      expect(found).toMatchObject({ rows: 4, width: 3, classes: LABELS });
      expect([...found.labels]).toEqual([0, 2, 1, 2]);
      const sure = Math.exp(9) / (Math.exp(9) + 2);
      for (const [row, index] of [0, 2, 1, 1].entries()) {
        expect(found.predicted[3 * row + index]).toBeCloseTo(sure, 6);
      }
      const { inputs, outputs } = await chooseGolden({ ...model, predictions: found });
      expect(inputs.map((tensor) => tensor.shape)).toEqual([[4, ...shape]]);
      expect(inputs.map((tensor) => Array.from<unknown>(elements(tensor)))).toEqual([
        [1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0],
      ]);
      expect(
        outputs.map((tensor) =>
          [...elements(tensor)].map((value, at) => Number(value) - (found.predicted[at] ?? 0)),
        ),
      ).toEqual([Array.from({ length: 12 }, () => 0)]);
    },
  );

  it("takes the file's own order when the model has no other input and the number fits", async () => {
    const model = await open({ shape: [3], weights: DIAGONAL, labels: LABELS });
    expect(featureOrderIn(model, { file: 'h.csv', columns: ['b', 'y', 'a', 'c'] })).toEqual({
      columns: ['b', 'a', 'c'],
      from: 'holdout',
    });
    const { predicted } = await scoreHoldout(model);
    // a and b have changed places.
    expect(predicted[1]).toBeGreaterThan(0.99);
  });

  it('is described by the statistics of its columns', async () => {
    const { modelSignature } = await open({ shape: [3], weights: DIAGONAL });
    const train = await write('train.csv', 'y,c,a,b\nzero,4,1,0\none,8,3,0\n');
    const statistics = await referenceStatistics([train], modelSignature, ['a', 'b', 'c']);
    expect(Object.keys(statistics ?? {})).toEqual(['a', 'b', 'c']);
    expect(statistics).toMatchObject({ a: { mean: 2 }, b: { maximum: 0 }, c: { minimum: 4, mean: 6 } });
  });

  it('names the cell and the missing column of its own', async () => {
    const model = {
      ...(await open({ shape: [3], weights: DIAGONAL, labels: LABELS })),
      featureOrder: ['a', 'b', 'cc'],
    };
    await expect(scoreHoldout(model)).rejects.toMatchObject({
      code: 'column-missing',
      message: expect.stringContaining('no column "cc" (nearest: "c")'),
    });
    const holdout = await write('holdout.csv', HOLDOUT.replace('1,one,0,0', '1,one,many,0'));
    await expect(scoreHoldout({ ...model, holdout, featureOrder: ['a', 'b', 'c'] })).rejects.toMatchObject({
      code: 'cell-not-a-number',
      message: expect.stringContaining('holdout.csv:4:7: found "many" in the column "a"'),
    });
  });

  it('lets champion and candidate have each its own order, labels and numbering of the classes', async () => {
    const holdout = {
      file: await write('holdout.csv', HOLDOUT),
      name: 'holdout.csv',
      digest: `sha256:${'e'.repeat(64)}`,
    };
    const contender = async (
      name: string,
      digit: string,
      options: SoftmaxOptions,
      featureOrder: string[],
    ) => {
      const bytes = softmaxModel(options);
      const modelFile = await write(`${name}.onnx`, bytes);
      const { modelSignature } = await readModelFile(modelFile);
      const digest = `sha256:${digit.repeat(64)}`;
      return { modelFile, digest, bytes: bytes.length, modelSignature, featureOrder };
    };
    const candidate = await contender('candidate', 'a', { shape: [3], weights: DIAGONAL, labels: LABELS }, [
      'a',
      'b',
      'c',
    ]);
    // The same model with another order of inputs and classes, and a class more that it never predicts.
    const turned = [
      [0, 0, 9, -99],
      [9, 0, 0, -99],
      [0, 9, 0, -99],
    ];
    const champion = {
      ...(await contender('champion', 'b', { shape: [1, 3], weights: turned }, ['c', 'a', 'b'])),
      // As the card has it: the file itself names no labels.
      modelSignature: {
        ...(await readModelFile(join(folder, 'champion.onnx'))).modelSignature,
        labels: ['zero', 'one', 'two', 'many'],
      },
    };
    const rules = gateRules({ metrics: { macro_f1: { tolerance: { kind: 'absolute', value: 0 } } } });
    const data = { record: UNCHECKED, distributions: { train: [], holdout: [] } };
    const scoring = { label: 'y', task: TASK, data, runner: null };
    const args = { model: 'digits', candidate, champion, holdout, rules, ...scoring };
    const { verdict } = await evaluate(args);
    expect(verdict).toMatchObject({ outcome: 'pass', task: TASK, rows: 4 });
    expect(Object.keys(verdict.metrics)).toEqual(['accuracy', 'macro_f1', 'log_loss']);
    expect(verdict.metrics.accuracy).toMatchObject({ candidate: 0.75, champion: 0.75, improvement: 0 });
    expect(verdict.metrics.log_loss?.champion).toBeCloseTo(verdict.metrics.log_loss?.candidate ?? 0, 6);
  });

  it.each<[string, SoftmaxOptions, string, string, string]>([
    [
      'three classes under the binary task',
      { shape: [3], weights: DIAGONAL },
      'binary-classification',
      'probabilities-shape',
      'expected [4,2], [4,1] or [4]',
    ],
    [
      'names for other classes',
      { shape: [3], weights: DIAGONAL, labels: ['zero', 'one'] },
      TASK,
      'label-unknown',
      'found the label "two" where "zero" or "one"',
    ],
  ])('refuses %s', async (_, options, task, code, message) => {
    const holdout = await write('holdout.csv', task === TASK ? HOLDOUT : HOLDOUT.replaceAll('two', 'one'));
    const modelFile = await write('refused.onnx', softmaxModel(options));
    await expect(
      scoreModel(modelFile, holdout, 'y', task, { featureOrder: ['a', 'b', 'c'] }),
    ).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});

const signature = (...shapes: (number | null)[][]): ModelSignature => ({
  inputs: shapes.map((shape, index) => ({ name: `x${index}`, dataType: 'FP32', shape })),
  outputs: [],
});

describe('featureOrderIn', () => {
  const table = { file: 'h.csv', columns: ['a', 'b', 'c', 'y'] };

  it("is the training's where it names one, also beside inputs of one value", () => {
    const modelSignature = signature([null, 2], [null, 1]);
    expect(featureOrderIn({ modelSignature, label: 'y', featureOrder: ['c', 'a'] }, table)).toEqual({
      columns: ['c', 'a'],
      from: 'trainer',
    });
    expect(
      featureOrderIn({ modelSignature: signature([null], [null, null]), label: 'y' }, table),
    ).toBeUndefined();
  });

  it.each<[string, ModelSignature, string[] | undefined, string, string]>([
    [
      'no order and other columns',
      signature([null, 2]),
      undefined,
      'feature-order-missing',
      '"x0" [N,2] takes 2 values per row, and h.csv has 3 columns beside the label',
    ],
    [
      'no order and another input',
      signature([null, 3], [null, 1]),
      undefined,
      'feature-order-missing',
      'takes 3 values',
    ],
    [
      'an order of another length',
      signature([null, 1, 2]),
      ['a', 'b', 'c'],
      'feature-order-length',
      'order of 3 columns, but the model\'s input "x0" [N,1,2] takes 2',
    ],
    [
      'an order with the label in it',
      signature([null, 2]),
      ['a', 'y'],
      'feature-order-label',
      'the label column "y"',
    ],
    [
      'an order that no input takes',
      signature([null, 1]),
      ['a'],
      'feature-order-unused',
      'order of 1 columns',
    ],
    [
      'two such inputs',
      signature([null, 2], [null, 3]),
      ['a', 'b'],
      'feature-order-unclear',
      '"x0" [N,2] and "x1" [N,3]',
    ],
    ['an open dimension', signature([null, null, 3]), undefined, 'input-shape-unsupported', '"x0" [N,N,3]'],
    ['no dimension at all', signature([]), undefined, 'input-shape-unsupported', '"x0" []'],
    ['a dimension of nothing', signature([null, 0]), undefined, 'input-shape-unsupported', '"x0" [N,0]'],
  ])('refuses %s', (_, modelSignature, featureOrder, code, message) => {
    expect(() => featureOrderIn({ modelSignature, label: 'y', featureOrder }, table)).toThrow(
      expect.objectContaining({ code, exitCode: 1, message: expect.stringContaining(message) }),
    );
  });
});
