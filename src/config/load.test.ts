import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EdgeloopError } from '../errors.ts';
import { loadAgentConfig, loadConfig, modelConfig } from './index.ts';

const VALID = `registry: oci:.edgeloop/registry
models:
  churn:
    data:
      train: data/train
      holdout: data/holdout.csv
    train:
      run: node training/train.ts --data \${{inputs.train}} --out \${{outputs.model}}
      code: training
      params: { trees: 120 }
      environment: package-lock.json
      timeout: 30m
    evaluate:
      task: binary-classification
      label: churn
      metrics:
        auc: { min: 0.85, tolerance: 0.02 }
        log_loss: { tolerance: 5% }
      budget: { size: 10MB }
`;

function folderWith(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-config-'));
  writeFileSync(join(folder, name), text);
  return folder;
}

function problemsOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    if (error instanceof EdgeloopError && error.exitCode === 2) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('loadConfig', () => {
  it('reads units, defaults and a registry relative to the file, from a folder below', () => {
    const folder = folderWith('edgeloop.yaml', VALID);
    mkdirSync(join(folder, 'deep/er'), { recursive: true });
    const config = loadConfig(join(folder, 'deep/er'), undefined, {});
    expect(config.registry).toBe(`oci:${join(folder, '.edgeloop/registry')}`);
    expect(config.channels).toEqual(['production']);
    expect(modelConfig(config, 'churn')).toMatchObject({
      train: { target: 'local', timeout: 1_800_000, params: { trees: 120 } },
      evaluate: {
        metrics: {
          auc: { tolerance: { kind: 'absolute', value: 0.02 } },
          log_loss: { tolerance: { kind: 'relative', value: 0.05 } },
        },
        budget: { size: 10_000_000 },
      },
    });
  });

  it('reads the metrics of a regression, by default the loss of the median', () => {
    const text = VALID.replace('binary-classification', 'regression')
      .replace('auc: { min: 0.85,', 'rmse: { max: 12.5,')
      .replace('log_loss: {', 'quantile_loss: { max: 3,');
    const { metrics } = modelConfig(
      loadConfig(folderWith('edgeloop.yaml', text), undefined, {}),
      'churn',
    ).evaluate;
    expect(metrics).toMatchObject({ rmse: { max: 12.5 }, quantile_loss: { max: 3, quantile: 0.5 } });
  });

  it('reads what else the gate is asked for, in bytes, milliseconds and shares', () => {
    const text = VALID.replace(
      /budget: .*/,
      `slices: [state, plan]
      weight: w
      predict: python predict.py
      checks: { psi: 0.5, unknown: 10% }
      budget: { latency: 20ms, runner: box, memory: 256MiB }`,
    );
    const { evaluate } = modelConfig(loadConfig(folderWith('edgeloop.yaml', text), undefined, {}), 'churn');
    expect(evaluate).toMatchObject({
      slices: ['state', 'plan'],
      weight: 'w',
      predict: 'python predict.py',
      checks: { psi: 0.5, unknown: 0.1, overlap: 0.01 },
      budget: { latency: { kind: 'absolute', value: 20 }, runner: 'box', memory: 268_435_456 },
    });
    const relative = VALID.replace(/budget: .*/, 'budget: { latency: 1.2x }');
    const config = loadConfig(folderWith('edgeloop.yaml', relative), undefined, {});
    expect(modelConfig(config, 'churn').evaluate).toMatchObject({
      slices: [],
      checks: { psi: 2, unknown: 0.2, overlap: 0.01 },
      budget: { latency: { kind: 'relative', value: 1.2 } },
    });
  });

  it.each([
    [
      'budget: { latency: fast }',
      "expected a multiple of the champion's such as 1.2x, or a time such as 20ms",
    ],
    ['budget: { latency: 20ms }', 'a time means something on one machine only: name it as "runner"'],
    ['checks: { overlap: 5 }', 'expected a share such as 5%'],
    ['checks: { psi: -1 }', '"models.churn.evaluate.checks.psi": expected a number of at least 0; found -1'],
    ['predict: ""', '"models.churn.evaluate.predict": expected a text that is not empty; found ""'],
    ['slices: state', '"models.churn.evaluate.slices"'],
  ])('refuses %s', (line, problem) => {
    const folder = folderWith('edgeloop.yaml', VALID.replace(/budget: .*/, line));
    expect(problemsOf(() => loadConfig(folder, undefined, {}))).toContain(problem);
  });

  it('takes EDGELOOP_REGISTRY over the file', () => {
    const folder = folderWith('edgeloop.yaml', VALID);
    expect(loadConfig(folder, undefined, { EDGELOOP_REGISTRY: 'localhost:5000/models' }).registry).toBe(
      'localhost:5000/models',
    );
  });

  it('tells every error at once, with line, column, found, expected and the nearest name', () => {
    const broken = VALID.replace('holdout:', 'holdot:')
      .replace('timeout: 30m', 'timeout: 30 minutes')
      .replace('task: binary-classification', 'task: classification')
      .replace('min: 0.85', 'min: high');
    const folder = folderWith('edgeloop.yaml', broken);
    const file = join(folder, 'edgeloop.yaml');
    const message = problemsOf(() => loadConfig(folder, undefined, {}));
    expect(message).toContain(`${file} has 5 errors:`);
    expect(message).toContain(`${file}:6:7: unknown key "models.churn.data.holdot"; did you mean "holdout"?`);
    expect(message).toContain(`${file}:4:5: "models.churn.data.holdout" is missing; expected a text`);
    expect(message).toContain(
      `${file}:12:16: "models.churn.train.timeout": expected a duration such as 60s, 30m or 2h; found "30 minutes"`,
    );
    expect(message).toContain(
      `${file}:14:13: "models.churn.evaluate.task": expected one of binary-classification, multiclass-classification, regression; found "classification"`,
    );
    expect(message).toContain(`${file}:17:21: "models.churn.evaluate.metrics.auc.min"`);
    expect(message).toContain('found "high"');
  });

  it.each([
    ['a YAML syntax error', 'registry: [', /edgeloop\.yaml:1:\d+: /],
    [
      'an illegal model name',
      VALID.replace('  churn:', '  Churn_1:'),
      /edgeloop\.yaml:3:3: "Churn_1": expected 2 to 63 characters/,
    ],
    [
      'an unknown metric',
      VALID.replace('auc:', 'acu:'),
      /edgeloop\.yaml:17:9: unknown key "models\.churn\.evaluate\.metrics\.acu"; did you mean "auc"\?/,
    ],
    [
      'a metric of another task',
      VALID.replace('binary', 'multiclass'),
      /edgeloop\.yaml:17:9: "models\.churn\.evaluate\.metrics\.auc": multiclass-classification has no such metric; expected one of accuracy, macro_f1, log_loss$/m,
    ],
    [
      'a metric of no task, beside a task that there is not',
      VALID.replace('binary-classification', 'ranking').replace('auc:', 'acu:'),
      /17:9: unknown key ".*metrics\.acu"; did you mean "auc"\?$/m,
    ],
    [
      'a misspelt metric, beside another error',
      VALID.replace('binary', 'multiclass').replace('auc:', 'makro_f1:').replace('5%', 'much'),
      /edgeloop\.yaml:17:9: unknown key ".*makro_f1"; did you mean "macro_f1"\?\n.*edgeloop\.yaml:18:32: /m,
    ],
    [
      'a duration without a unit',
      VALID.replace('30m', '30'),
      /edgeloop\.yaml:12:16: "models\.churn\.train\.timeout": expected a duration such as 60s, 30m or 2h; found 30$/m,
    ],
    [
      'a param that is a list',
      VALID.replace('trees: 120', 'trees: [120]'),
      /edgeloop\.yaml:10:24: ".*trees": expected a text, a number, true or false; found \[120\]/,
    ],
    [
      'an illegal channel name, at its own place',
      `${VALID}channels: [production, Canary]\n`,
      /edgeloop\.yaml:20:24: "channels\.1": expected 2 to 63 characters.*found "Canary"/,
    ],
    [
      'a key that stands twice',
      `${VALID}registry: oci:x\n`,
      /edgeloop\.yaml:20:1: the key "registry" stands twice in its map; keep one$/m,
    ],
    ['an empty file', '', /edgeloop\.yaml:1:1: "registry" is missing/],
    ['a list', '- 1\n', /edgeloop\.yaml:1:1: .*expected a map/],
  ])('refuses %s', (_, text, expected) => {
    const folder = folderWith('edgeloop.yaml', text);
    expect(problemsOf(() => loadConfig(folder, undefined, {}))).toMatch(expected);
  });

  it('says where it looked when there is no file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-config-'));
    expect(problemsOf(() => loadConfig(folder, undefined, {}))).toContain(
      `there is no edgeloop.yaml in ${folder}`,
    );
    expect(problemsOf(() => loadConfig(folder, 'other.yaml', {}))).toContain(join(folder, 'other.yaml'));
  });

  it('knows no model by the name of what every object has', () => {
    const config = loadConfig(folderWith('edgeloop.yaml', VALID), undefined, {});
    expect(() => modelConfig(config, 'constructor')).toThrow(
      expect.objectContaining({ code: 'model-unknown', exitCode: 2 }),
    );
  });

  it('proposes the nearest model', () => {
    const config = loadConfig(folderWith('edgeloop.yaml', VALID), undefined, {});
    expect(() => modelConfig(config, 'chrun')).toThrow(
      expect.objectContaining({ code: 'model-unknown', remedy: 'Did you mean "churn"?' }),
    );
  });
});

describe('loadAgentConfig', () => {
  const yaml = 'state: state\nregistry: oci:registry\npoll: 5s\nmodels:\n  churn: { accept: ^1.2.0 }\n';

  it('reads agent.yaml and lays flags over it', () => {
    const folder = folderWith('agent.yaml', yaml);
    expect(loadAgentConfig(folder, undefined, { http: '0.0.0.0:9000' })).toEqual({
      state: join(folder, 'state'),
      registry: `oci:${join(folder, 'registry')}`,
      http: { host: '0.0.0.0', port: 9000 },
      channel: 'production',
      poll: 5000,
      probation: 30_000,
      models: { churn: { accept: '^1.2.0' } },
    });
  });

  it('needs no file when the flags say everything, and names the flag that is wrong', () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-config-'));
    const flags = { state: 's', registry: 'oci:r', models: { churn: {} } };
    expect(loadAgentConfig(folder, undefined, flags).http).toEqual({ host: '127.0.0.1', port: 8080 });
    expect(problemsOf(() => loadAgentConfig(folder, undefined, { ...flags, http: '8080' }))).toContain(
      '--http: "http": expected HOST:PORT',
    );
    expect(
      problemsOf(() =>
        loadAgentConfig(folder, undefined, { ...flags, models: { churn: { accept: 'new' } } }),
      ),
    ).toContain('semver range');
  });
});
