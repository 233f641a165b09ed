import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { churnProject, commit, edgeloopAsync } from '../fixtures/churn-project.ts';
import { edit, expectError, leftIn } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { linearModel } from '../fixtures/onnx-model.ts';
import { csv, read, referrers, text, VERDICT, write } from '../fixtures/project-files.ts';
import { entry, serve, sha256 } from '../fixtures/web-folder.ts';

describe('a holdout in another format', () => {
  it('gives the same verdict as the CSV', () => {
    const project = churnProject();
    const { verdict } = json(project, 0, 'retrain', 'churn');
    const [header = [], ...rows] = csv(read(project, 'data/holdout.csv'));
    const lines = rows.map((row) =>
      JSON.stringify(
        Object.fromEntries(
          row.map((cell, index) => [header[index], /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : cell]),
        ),
      ),
    );
    write(project, 'data/holdout.jsonl', `${lines.join('\n')}\n`);
    edit(project, 'edgeloop.yaml', ['holdout: data/holdout.csv', 'holdout: data/holdout.jsonl']);
    commit(project, 'JSON Lines');
    const again = json(project, 0, 'retrain', 'churn');
    expect(again.reused).toBe(true);
    expect(again.verdict.metrics).toEqual(verdict.metrics);
  });
});

describe('a holdout that is no table', () => {
  let project: string;
  const handed = mkdtempSync(join(tmpdir(), 'edgeloop-handed-'));
  const predictWith = (command: string): void => {
    edit(project, 'edgeloop.yaml', [/predict: .*/, `predict: ${JSON.stringify(command)}`]);
    commit(project, 'another way to predict');
  };

  beforeAll(() => {
    project = churnProject();
    writeFileSync(join(handed, 'model.onnx'), linearModel());
    // One file for each row, its name the truth: as pictures would lie there.
    const [header = [], ...rows] = csv(read(project, 'data/holdout.csv'));
    mkdirSync(join(project, 'data/pictures'));
    for (const [index, row] of rows.slice(0, 400).entries()) {
      const name = `${String(index).padStart(4, '0')}-${row[header.indexOf('churn')]}.txt`;
      write(project, `data/pictures/${name}`, row[header.indexOf('number_customer_service_calls')] ?? '');
    }
    write(
      project,
      'training/predict.mjs',
      `import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
const [model, holdout, out] = process.argv.slice(2);
if (!statSync(model + '/model.onnx').isFile()) throw new Error('no model');
const rows = readdirSync(holdout).sort().map((name) => {
  const calls = Number(readFileSync(holdout + '/' + name, 'utf8'));
  return [name.slice(5, -4), calls > 3 ? 0.8 : 0.1 + calls / 100].join(',');
});
writeFileSync(out + '/predictions.csv', ['churn,probability', ...rows, ''].join('\\n'));
`,
    );
    edit(
      project,
      'edgeloop.yaml',
      ['holdout: data/holdout.csv', 'holdout: data/pictures'],
      [/auc: .*\n\s+log_loss: .*/, 'auc: { min: 0.6, tolerance: 0.025 }'],
      [
        'budget: { size: 10MB, latency: 1.5x }',
        'predict: node training/predict.mjs ${{inputs.model}} ${{inputs.holdout}} ${{outputs.predictions}}',
      ],
    );
    commit(project, 'pictures');
  });

  it('has no columns to be cut into slices by', () => {
    expectError(project, ['retrain', 'churn', '--from', handed], {
      exit: 2,
      code: 'slices-no-table',
      says: ['evaluate.slices names international_plan, and', 'data/pictures is no table'],
    });
    expect(leftIn(project)).toEqual([]);
    edit(project, 'edgeloop.yaml', [/ *slices: .*\n/, '']);
    commit(project, 'no slices');
  });

  it('needs rows for the golden samples where none can be made up', () => {
    expectError(project, ['retrain', 'churn'], {
      exit: 1,
      code: 'golden-none',
      says: [`The model's input "state" BYTES [N,1] takes nothing that could be made up`, 'golden.npz'],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it('is predicted by a command of the user’s, and judged by our metrics', () => {
    const { verdict, candidate } = json(project, 0, 'retrain', 'churn', '--from', handed);
    expect(verdict.outcome).toBe('first');
    expect(verdict.metrics.auc.candidate).toBeGreaterThan(0.6);
    const samples = JSON.parse(readFileSync(join(candidate.path, 'golden.json'), 'utf8'));
    expect(samples.inputs.length).toBeGreaterThan(0);
    expect(json(project, 0, 'release', 'churn')).toMatchObject({ version: '1.0.0' });
    const [recorded = '{}'] = referrers(project, 'churn', VERDICT);
    expect(JSON.parse(recorded)).toMatchObject({
      predict: expect.stringContaining('training/predict.mjs'),
      rows: 400,
      data: { overlap: { reason: 'the holdout is not a table' } },
    });
  });

  it('tells what a command printed that failed, and what is missing', () => {
    predictWith('echo no card in reader; exit 7');
    expectError(project, ['retrain', 'churn', '--from', handed], {
      exit: 1,
      code: 'predict-failed',
      says: [/the prediction by .* exited with 7/, 'no card in reader', 'Run the command by hand'],
    });
    predictWith('true');
    expectError(project, ['retrain', 'churn', '--from', handed], {
      exit: 1,
      code: 'predict-without-file',
      says: ['left none of predictions.csv, predictions.jsonl, predictions.parquet'],
    });
    predictWith('node x ${{inputs.trees}}');
    expectError(project, ['retrain', 'churn', '--from', handed], {
      exit: 2,
      code: 'placeholder-unknown',
      says: ['the command holds the unknown placeholder ${{inputs.trees}}', '${{outputs.predictions}}'],
    });
    expect(leftIn(project).filter((path) => /^(training|locks|predictions)/.test(path))).toEqual([]);
  });
});

describe('a model that predicts a number', () => {
  it('is judged by its errors, and a worse one is refused', () => {
    const project = churnProject();
    const handed = mkdtempSync(join(tmpdir(), 'edgeloop-regression-'));
    const rows = Array.from({ length: 400 }, (_, row) => [
      String(row / 10),
      String((2 * row) / 10 + 1 + Math.sin(row)),
    ]);
    write(project, 'data/holdout.csv', text([['x', 'y'], ...rows]));
    edit(
      project,
      'edgeloop.yaml',
      ['binary-classification', 'regression'],
      ['label: churn', 'label: y'],
      [
        /auc: .*\n\s+log_loss: .*/,
        'rmse: { max: 2, tolerance: 5% }\n        quantile_loss: { quantile: 0.9, tolerance: 5% }',
      ],
      [/ *slices: .*\n/, ''],
    );
    const proposed = (bias: number, trees: number, code: number) => {
      edit(project, 'edgeloop.yaml', [/trees: \d+/, `trees: ${trees}`]);
      commit(project, `a model ${trees}`);
      writeFileSync(join(handed, 'model.onnx'), linearModel({ bias }));
      return json(project, code, 'retrain', 'churn', '--from', handed);
    };
    const first = proposed(1.5, 1, 0);
    expect(first.verdict.outcome).toBe('first');
    expect(Object.keys(first.verdict.metrics)).toEqual(['rmse', 'mae', 'r2', 'mape', 'quantile_loss']);
    // sin has the mean square 1/2, and the bias is 0.5 off.
    expect(first.verdict.metrics.rmse.candidate).toBeCloseTo(Math.sqrt(0.5 + 0.25), 2);
    json(project, 0, 'release', 'churn');
    expect(proposed(1, 2, 3).verdict.reasons).toEqual([
      expect.stringMatching(/^quantile_loss 0\.\d+ against/),
    ]);
    const worse = proposed(2.2, 3, 3);
    expect(worse.verdict.metrics.rmse.passed).toBe(false);
    expect(readFileSync(worse.html, 'utf8')).toContain('Residuals');
    expect(json(project, 0, 'verify', 'churn').ok).toBe(true);
  });
});

describe('data that lie elsewhere', () => {
  it('are looked at in a sample of what is new, before they are fetched', async () => {
    const project = churnProject();
    const [first, second] = [read(project, 'data/train/churn-1.csv'), read(project, 'arrivals/churn-2.csv')];
    const [header = [], ...rows] = csv(second);
    const minutes = header.indexOf('total_day_minutes');
    const seconds = text([
      header,
      ...rows.map((row) => row.with(minutes, String(60 * Number(row[minutes])))),
    ]);
    const trainFrom = async (contents: Record<string, string>) => {
      const files = Object.entries(contents).map(([path, content]) =>
        entry(path, content, { sha256: sha256(content) }),
      );
      const { url, asked } = await serve(contents, { files });
      edit(project, 'edgeloop.yaml', [/train: (data|http).*/, `train: ${url}`]);
      commit(project, 'another address');
      const ran = await edgeloopAsync(project, 'retrain', 'churn', '--json');
      return { ...ran, asked: asked.filter((name) => name !== 'index.json') };
    };
    const made = await trainFrom({ 'churn-1.csv': first });
    expect(made.code).toBe(0);
    const released = await edgeloopAsync(project, 'release', 'churn', '--json');
    expect(released.code).toBe(0);
    const refused = await trainFrom({ 'churn-1.csv': first, 'churn-2.csv': seconds });
    expect(refused.code).toBe(3);
    expect(JSON.parse(refused.stdout).error).toMatchObject({
      code: 'data-refused',
      message: expect.stringMatching(/total_day_minutes in the training data has shifted: PSI 1\d/),
    });
    expect(refused.asked).toEqual(['churn-2.csv']);
    const { stdout } = await trainFrom({ 'churn-1.csv': first, 'churn-2.csv': second });
    expect(JSON.parse(stdout).verdict).toMatchObject({ outcome: 'pass' });
    const reasons = JSON.parse(stdout).verdict.reasons.join('\n');
    expect(reasons).toContain('the training data (a sample of 1333 new rows)');
    expect(reasons).toContain('are in a sample of the training data');
  });
});
