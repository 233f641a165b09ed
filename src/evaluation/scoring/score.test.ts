import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifierModel, type ClassifierOptions, linearModel } from '../../../test/fixtures/onnx-model.ts';
import { EdgeloopError } from '../../errors.ts';
import { type ModelSignature, readModelFile, type Session, startSession } from '../../onnx/index.ts';
import { checkHoldout } from './check-holdout.ts';
import { scoreHoldout, scoreModel } from './score.ts';
import { ofClassOne } from '../tasks/binary-metrics.ts';
import type { Predictions } from '../tasks/task.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe('scoreHoldout', () => {
  let folder = '';
  const sessions: Session[] = [];
  const models = new Map<string, { session: Session; modelSignature: ModelSignature }>();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-score-'));
  });
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.close()));
    await rm(folder, { recursive: true });
  });

  /** A running classifier of x0 + 2 x1; one session host per label set serves all tests. */
  const classifier = async (labels: ClassifierOptions['labels'] = [0, 1]) => {
    const known = models.get(labels.join());
    if (known !== undefined) return known;
    const modelFile = join(folder, `${labels.join('-')}.onnx`);
    await writeFile(modelFile, classifierModel({ coefficients: [1, 2], labels }));
    const { modelSignature } = await readModelFile(modelFile);
    const session = await startSession({ modelFile });
    sessions.push(session);
    models.set(labels.join(), { session, modelSignature });
    return { session, modelSignature };
  };
  const holdout = async (text: string): Promise<string> => {
    const file = join(folder, 'holdout.csv');
    await writeFile(file, text);
    return file;
  };
  const score = async (text: string, labels?: ClassifierOptions['labels'], task = 'binary-classification') =>
    scoreHoldout({ ...(await classifier(labels)), holdout: await holdout(text), label: 'y', task });
  it('maps columns to inputs by name, whatever their order and number', async () => {
    const found = await score('other,x1,y,x0\nA,0.5,1,-2\nB,-1,0,1\n');
    expect(found.rows).toBe(2);
    expect([...found.labels]).toEqual([1, 0]);
    expect(ofClassOne(found)[0]).toBeCloseTo(sigmoid(-1), 6);
    expect(ofClassOne(found)[1]).toBeCloseTo(sigmoid(-1), 6);
  });

  it('keeps the order of rows over several runs', async () => {
    const rows = Array.from({ length: 2500 }, (_, row) => `${(row - 1250) / 500},0,${row % 2}`);
    const found = await score(`x0,x1,y\n${rows.join('\n')}\n`);
    expect(found.rows).toBe(2500);
    const furthest = ofClassOne(found).reduce(
      (worst, probability, row) => Math.max(worst, Math.abs(probability - sigmoid((row - 1250) / 500))),
      0,
    );
    expect(furthest).toBeLessThan(1e-6);
    expect([...found.labels.subarray(998, 1003)]).toEqual([0, 1, 0, 1, 0]);
  });

  it.each<[string, ClassifierOptions['labels'], string[], number[], [string, string]]>([
    ['named by the model', ['stays', 'leaves'], ['leaves', 'stays'], [1, 0], ['stays', 'leaves']],
    ['integers as texts', [-1, 1], ['1', '-1'], [1, 0], ['-1', '1']],
    ['class indices', [0, 1], ['1', '0'], [1, 0], ['0', '1']],
    ['in the data only, sorted', [0, 1], ['yes', 'no'], [1, 0], ['no', 'yes']],
    ['in the data only, numbers', [0, 1], ['10', '9'], [1, 0], ['9', '10']],
  ])('labels %s', async (_, labels, texts, indices, classes) => {
    const found = await score(`x0,x1,y\n${texts.map((text) => `1,1,${text}`).join('\n')}\n`, labels);
    expect([...found.labels]).toEqual(indices);
    expect(found.classes).toEqual(classes);
  });

  it.each<[string, string, ClassifierOptions['labels'], string, string]>([
    [
      'a missing column',
      'x0,x_1,y\n1,1,0\n',
      [0, 1],
      'column-missing',
      ':1:1: the file has no column "x1" (nearest: "x_1")',
    ],
    ['no label column', 'x0,x1,z\n1,1,0\n', [0, 1], 'column-missing', 'no column "y"'],
    [
      'text for a number',
      'x0,x1,y\n1,1,0\n1,many,1\n',
      [0, 1],
      'cell-not-a-number',
      ':3:3: found "many" in the column "x1"',
    ],
    ['a number that is too big', 'x0,x1,y\n1e39,1,0\n', [0, 1], 'cell-out-of-range', ':2:1: "1e39"'],
    ['infinity', 'x0,x1,y\nInfinity,1,0\n', [0, 1], 'cell-not-a-number', ':2:1: found "Infinity"'],
    ['a row cut short', 'x0,x1,y\n1,1,0\n1,1\n', [0, 1], 'csv-row-short', ':3:4: the row ends after 2 of 3'],
    [
      'a label that the model does not know',
      'x0,x1,y\n1,1,a\n1,1,c\n',
      ['a', 'b'],
      'label-unknown',
      ':3:5: found the label "c" where "a" or "b" was expected',
    ],
    [
      'a third label',
      'x0,x1,y\n1,1,no\n1,1,yes\n1,1,so\n',
      [0, 1],
      'label-unknown',
      ':4:5: found the label "so" where "no" or "yes"',
    ],
    [
      'a label beside the class indices',
      'x0,x1,y\n1,1,1\n1,1,2\n',
      [0, 1],
      'label-unknown',
      ':3:5: found the label "2" where "0" or "1"',
    ],
    ['an empty label', 'x0,x1,y\n1,1,\n', [0, 1], 'label-unknown', ':2:5: found the label ""'],
    ['one class only', 'x0,x1,y\n1,1,1\n2,1,1\n', [0, 1], 'label-one-class', 'every row has the label "1"'],
    [
      'a missing value that the model does not take',
      'x0,x1,y\n1,1,1\n,1,0\n',
      [0, 1],
      'probability-invalid',
      'NaN for ',
    ],
  ])('names the place of %s', async (_, text, labels, code, message) => {
    const error = await problem(score(text, labels));
    expect(error).toMatchObject({ code, exitCode: 1 });
    expect(error.message).toContain(message);
    expect(error.message).toContain(code === 'probability-invalid' ? 'holdout.csv:3:4' : 'holdout.csv');
  });

  it('refuses an output that is no probability', async () => {
    const modelFile = join(folder, 'linear.onnx');
    await writeFile(modelFile, linearModel({ scale: 100, bias: 0 }));
    // A second output of rank 2 would be ambiguous; this one is taken, and found to be a score.
    const file = await holdout('x,y\n0.001,0\n5,1\n');
    const error = await problem(scoreModel(modelFile, file, 'y', 'binary-classification'));
    expect(error.code).toBe('probability-invalid');
    expect(error.message).toMatch(/answered 500 for .*holdout.csv:3:3/);
  });

  it('knows which tasks it can do', async () => {
    expect(await problem(score('x0,x1,y\n1,1,0\n', [0, 1], 'ranking'))).toMatchObject({
      code: 'task-unsupported',
      exitCode: 2,
    });
  });
});

async function problem(scoring: Promise<Predictions>): Promise<EdgeloopError> {
  const error: unknown = await scoring.catch((thrown: unknown) => thrown);
  if (error instanceof EdgeloopError) return error;
  throw new Error('expected a coded error', { cause: error });
}

describe('checkHoldout', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-holdout-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const check = async (text: string, task = 'binary-classification'): Promise<void> => {
    const holdout = join(folder, 'holdout.csv');
    await writeFile(holdout, text);
    return checkHoldout({ holdout, label: 'y', task, slices: [], predicted: false });
  };

  it.each([
    ['no label column', 'x,z\n1,a\n', 'column-missing'],
    ['one class', 'x,y\n1,a\n2,a\n', 'label-one-class'],
    ['a third class', 'x,y\n1,a\n2,b\n3,c\n', 'label-unknown'],
    ['a missing label', 'x,y\n1,a\n2,b\n3,\n', 'label-unknown'],
    ['no rows', 'x,y\n', 'csv-no-rows'],
    ['a row cut short', 'x,y\n1,a\n2\n', 'csv-row-short'],
  ])('refuses a holdout with %s', async (_, text, code) => {
    await expect(check(text)).rejects.toMatchObject({ code, exitCode: 1 });
  });

  it('takes two classes, whatever their names, and refuses another task', async () => {
    await check('x,y\n1,stays\n2,leaves\n');
    await expect(check('x,y\n1,0\n2,1\n', 'ranking')).rejects.toMatchObject({ code: 'task-unsupported' });
  });
});
