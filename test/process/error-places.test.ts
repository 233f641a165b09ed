import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { churnProject, commit, edgeloop, git } from '../fixtures/churn-project.ts';
import { edit, trainWith } from '../fixtures/expect-error.ts';
import { findTool } from '../tooling/find.ts';

let project: string;
beforeEach(() => {
  project = churnProject();
});

/** Code and places of the error that `edgeloop retrain churn --json` prints in a folder. */
function placesOf(folder = project, model = 'churn') {
  const { stdout } = edgeloop(folder, 'retrain', model, '--json', '--log-level', 'error');
  const { code, places } = JSON.parse(stdout).error;
  return { code, places };
}

/** The number of the line of edgeloop.yaml that holds this text. */
const lineOf = (text: string) =>
  1 +
  readFileSync(join(project, 'edgeloop.yaml'), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));

describe('an error names', () => {
  it('the line of the training script that threw, as it lies in the project', () => {
    edit(project, 'training/train.ts', [/^/, `throw new TypeError('no such column');\n`]);
    commit(project, 'a mistake');
    const place = { line: 1, column: 7, message: 'TypeError: no such column' };
    expect(placesOf()).toEqual({
      code: 'training-failed',
      places: [{ file: 'training/train.ts', ...place }],
    });
    expect(placesOf(join(project, 'data')).places).toEqual([{ file: '../training/train.ts', ...place }]);
  });

  it.skipIf(findTool('python3') === undefined)(
    'the line of a Python script, also when its output is long',
    () => {
      writeFileSync(join(project, 'training/fit.py'), `for i in range(30): print(i)\nfloat('abc')\n`);
      trainWith(project, 'python3 training/fit.py >&2; seq 100');
      edit(project, 'edgeloop.yaml', ['; seq 100', ' || { seq 100; exit 1; }']);
      commit(project, 'prints more afterwards');
      const message = `ValueError: could not convert string to float: 'abc'`;
      expect(placesOf()).toEqual({
        code: 'training-failed',
        places: [{ file: 'training/fit.py', line: 2, message }],
      });
    },
  );

  it.each<[string, () => void, string, string]>([
    [
      'the command that could not be run',
      () => trainWith(project, 'pyhton x.py'),
      'training-failed',
      ' run:',
    ],
    ['the placeholder', () => trainWith(project, 'echo ${{inputs.no}}'), 'placeholder-unknown', ' run:'],
    ['the time limit', () => trainWith(project, 'sleep 60', '1s'), 'training-timeout', ' timeout:'],
    [
      'the data',
      () => rmSync(join(project, 'data/train'), { recursive: true }),
      'dataset-missing',
      ' train: data',
    ],
    [
      'data of another kind',
      () => edit(project, 'edgeloop.yaml', ['data/train', 's3://x/y']),
      'data-unsupported',
      ' train: s3',
    ],
    [
      'a holdout that is signed for',
      () => edit(project, 'edgeloop.yaml', ['data/holdout.csv', 'azureblob://churndata/x/y.csv?sig=1']),
      'data-url-invalid',
      ' holdout:',
    ],
    ['the holdout', () => rmSync(join(project, 'data/holdout.csv')), 'table-unreadable', ' holdout:'],
    [
      'the label',
      () => edit(project, 'edgeloop.yaml', ['label: churn', 'label: chrun']),
      'column-missing',
      ' holdout:',
    ],
    ['the lock file', () => rmSync(join(project, 'package-lock.json')), 'dataset-missing', ' environment:'],
    [
      'the code',
      () => edit(project, 'edgeloop.yaml', ['code: training', 'code: trainings']),
      'dataset-missing',
      ' code:',
    ],
  ])('the line of edgeloop.yaml with %s', (_, spoil, code, line) => {
    spoil();
    git(project, 'add', '--all');
    git(project, 'commit', '--quiet', '--allow-empty', '--message', 'a mistake');
    expect(placesOf()).toEqual({
      code,
      places: [
        {
          file: 'edgeloop.yaml',
          line: lineOf(line),
          column: expect.any(Number),
          message: expect.any(String),
        },
      ],
    });
  });

  it('every wrong line of edgeloop.yaml, and the models for a name that is none of them', () => {
    expect(placesOf(project, 'chrun')).toMatchObject({
      code: 'model-unknown',
      places: [{ file: 'edgeloop.yaml', line: lineOf('models:'), column: 1 }],
    });
    edit(project, 'edgeloop.yaml', ['task: binary', 'task: binari'], ['timeout: 30m', 'timeout: 30']);
    expect(placesOf()).toEqual({
      code: 'config-invalid',
      places: [
        {
          file: 'edgeloop.yaml',
          line: lineOf('timeout:'),
          column: 16,
          message: expect.stringContaining('"models.churn.train.timeout": '),
        },
        {
          file: 'edgeloop.yaml',
          line: lineOf('task:'),
          column: 13,
          message: expect.stringContaining('did you mean "binary-classification"?'),
        },
      ],
    });
  });

  it('nothing when no line is to blame', () => {
    expect(JSON.parse(edgeloop('/', 'plan', '--json').stdout).error).not.toHaveProperty('places');
  });
});
