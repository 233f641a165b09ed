import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type PredictionsFile, readPredictions } from './predictions-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'edgeloop-predictions-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const read = (text: string, given: Partial<PredictionsFile> = {}) =>
  readPredictions({
    file: write('predictions.csv', text),
    holdout: join(folder, 'pictures'),
    label: 'y',
    task: 'binary-classification',
    ...given,
  });

describe('readPredictions', () => {
  it('reads the probability of class 1 beside the truth', async () => {
    const { rows, labels, predicted, classes } = await read('y,probability\nyes,0.75\nno,0.25\n');
    expect({ rows, classes }).toEqual({ rows: 2, classes: ['no', 'yes'] });
    expect([...labels]).toEqual([1, 0]);
    expect([...predicted]).toEqual([0.25, 0.75, 0.75, 0.25]);
  });

  it('reads a probability for each class, in the order of the columns or of the model', async () => {
    const text = 'probability_b,y,probability_a,probability_c\n0.2,a,0.7,0.1\n0.8,b,0.1,0.1\n';
    const task = 'multiclass-classification';
    const { labels, predicted, classes } = await read(text, { task });
    expect(classes).toEqual(['b', 'a', 'c']);
    expect([...labels]).toEqual([1, 0]);
    expect([...predicted]).toEqual([0.2, 0.7, 0.1, 0.8, 0.1, 0.1]);
    const modelSignature = { inputs: [], outputs: [], labels: ['a', 'b', 'c'] };
    expect((await read(text, { task, modelSignature })).classes).toEqual(['a', 'b', 'c']);
  });

  it('reads a prediction of a number, and the truth from a holdout that is a table', async () => {
    const holdout = write('holdout.csv', 'w,y\n1,10\n2,20\n');
    const { labels, predicted, weights } = await read('prediction\n11\n19\n', {
      holdout,
      task: 'regression',
      weight: 'w',
    });
    expect([[...labels], [...predicted], [...(weights ?? [])]]).toEqual([
      [10, 20],
      [11, 19],
      [1, 2],
    ]);
  });

  it.each<[string, string, Partial<PredictionsFile>, string, string]>([
    ['no prediction', 'y\nyes\n', {}, 'column-missing', 'no column "probability"'],
    ['no truth', 'probability\n1\n', {}, 'column-missing', 'no column "y"'],
    ['no number', 'y,probability\nyes,high\n', {}, 'cell-not-a-number', ':2:5: found "high"'],
    ['no probability', 'y,probability\nyes,1.5\n', {}, 'probability-invalid', 'answered 1.5 for'],
    ['one class', 'y,probability\nyes,1\n', {}, 'label-one-class', 'every row has the label "yes"'],
    [
      'another number of rows',
      'prediction\n1\n',
      { task: 'regression', holdout: write('two.csv', 'y\n1\n2\n') },
      'predictions-rows',
      'holds 1 predictions for the 2 rows of',
    ],
    [
      'probabilities that do not add up',
      'y,probability_a,probability_b\na,0.5,0.1\n',
      { task: 'multiclass-classification' },
      'probability-invalid',
      'add up to 0.6',
    ],
  ])('refuses %s', async (_, text, given, code, message) => {
    await expect(read(text, given)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});
