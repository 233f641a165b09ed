import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linearModel, logarithmModel } from '../../../test/fixtures/onnx-model.ts';
import { goldenRows } from './golden.ts';
import { scoreModel } from './score.ts';
import { measure } from '../tasks/task.ts';
import { taskNamed } from '../tasks/tasks.ts';

describe('a regression', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-regression-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const score = async (model: Uint8Array, rows: string[]) => {
    const [modelFile, holdout] = [join(folder, 'model.onnx'), join(folder, 'holdout.csv')];
    await writeFile(modelFile, model);
    await writeFile(holdout, `x,price\n${rows.join('\n')}\n`);
    return scoreModel(modelFile, holdout, 'price', 'regression');
  };

  it('is scored, measured and proven by rows over the whole range of its predictions', async () => {
    // y = 2x + 1, and each price one more.
    const prices = Array.from({ length: 101 }, (_, row) => ((row * 37) % 101) - 50);
    const predictions = await score(
      linearModel(),
      prices.map((x) => `${x},${2 * x + 2}`),
    );
    expect(predictions).toMatchObject({ rows: 101, width: 1, classes: [] });
    expect([...predictions.predicted]).toEqual(prices.map((x) => 2 * x + 1));
    const task = taskNamed('regression');
    const values = Object.entries(task.metrics).map(([name, metric]) => [name, measure(metric, predictions)]);
    expect(Object.fromEntries(values)).toMatchObject({ rmse: 1, mae: 1, quantile_loss: 0.5 });
    const golden = goldenRows(task.golden(predictions), 8).map((row) => predictions.predicted[row] ?? 0);
    expect(golden.toSorted((a, b) => a - b)).toEqual([-99, -71, -41, -13, 15, 43, 73, 101]);
  });

  it.each<[string, Uint8Array, string[], string, string]>([
    ['a label that is no number', linearModel(), ['1,3', '2,dear'], 'label-not-a-number', ':3:3: found'],
    ['a prediction that is not finite', logarithmModel(), ['1,0', '-1,1'], 'prediction-invalid', 'NaN for '],
  ])('names the place of %s', async (_, model, rows, code, message) => {
    await expect(score(model, rows)).rejects.toMatchObject({
      code,
      exitCode: 1,
      message: expect.stringContaining(message),
    });
    await expect(score(model, rows)).rejects.toThrow('holdout.csv:3:');
  });
});
