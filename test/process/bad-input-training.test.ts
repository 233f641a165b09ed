import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { churnProject, commit, edgeloop } from '../fixtures/churn-project.ts';
import {
  checkError,
  edit,
  expectError,
  processesLeft,
  leftIn,
  processesWith,
  trainWith,
} from '../fixtures/expect-error.ts';
import { externalDataModel, unknownOperatorModel } from '../fixtures/onnx-model.ts';

let project: string;
beforeEach(() => {
  project = churnProject();
});
const retrain = ['retrain', 'churn'];
const MODEL = '${{outputs.model}}/model.onnx';

describe('a training that', () => {
  it('exits with 1 is told with its last lines and its command', () => {
    trainWith(project, 'echo reading; echo no such column >&2; exit 1');
    expectError(project, retrain, {
      exit: 1,
      code: 'training-failed',
      says: [
        'the training of churn exited with 1. Its last lines:\n  ',
        'no such column\n',
        `Run the command by hand in ${project}: echo reading; echo no such column >&2; exit 1`,
      ],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it('cannot be started is told as the shell tells it', () => {
    trainWith(project, 'pyhton train.py');
    expectError(project, retrain, {
      exit: 1,
      code: 'training-failed',
      says: ['exited with 127', /pyhton: (command )?not found/],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it('is killed is told with the signal', () => {
    trainWith(project, 'kill -9 $$');
    expectError(project, retrain, { exit: 1, code: 'training-failed', says: ['was ended by SIGKILL'] });
    expect(leftIn(project)).toEqual([]);
  });

  it.each([
    ['writes nothing', 'echo done'],
    ['writes an empty file', `: > ${MODEL}`],
    ['removes its output folder', 'rm -r ${{outputs.model}}'],
    ['writes a folder', `mkdir ${MODEL}`],
  ])('%s', (_, run) => {
    trainWith(project, run);
    expectError(project, retrain, {
      exit: 1,
      code: 'training-without-model',
      says: ['exited with 0 but left no model.onnx', 'must write model.onnx into ${{outputs.model}}'],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it.each([
    ['writes garbage', `cat training/train.ts > ${MODEL}`, /byte \d+: /],
    [
      'writes a model that is cut short',
      `node training/train.ts --data \${{inputs.train}} --out \${{outputs.model}} --trees 3 && head -c 3000 ${MODEL} > cut && mv cut ${MODEL}`,
      /byte \d+: field \d+ is \d+ bytes long, \d+ are left/,
    ],
  ])('%s', (_, run, where) => {
    trainWith(project, run);
    expectError(project, retrain, {
      exit: 1,
      code: 'model-unreadable',
      says: ['not a readable ONNX file: ', '/output/model.onnx, ', where, 'not cut short'],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it('writes a model that fails in ONNX Runtime is told in the words of ONNX Runtime', () => {
    writeFileSync(join(project, 'training/model.onnx'), unknownOperatorModel());
    trainWith(project, `cp training/model.onnx ${MODEL}`);
    expectError(project, retrain, {
      exit: 1,
      code: 'model-load-failed',
      says: ['model.onnx was not loaded: ', 'No Op registered for NoSuchOperator', 'its operators'],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it.each([
    ['an absolute path', '/etc/hostname', 'true', 'model-data-outside'],
    ['a path upwards', '../../weights.bin', 'true', 'model-data-outside'],
    // Whoever opened the pipe behind it would wait for ever.
    [
      'a link that leaves the folder',
      'weights.bin',
      'mkfifo pipe && ln -s "$PWD/pipe" ${{outputs.model}}/weights.bin',
      'model-data-outside',
    ],
    ['a name that nothing has', 'weights.bin', 'true', 'model-data-missing'],
  ])('leaves its weights in %s is told before anything reads them', (_, location, run, code) => {
    writeFileSync(join(project, 'training/model.onnx'), externalDataModel(location).model);
    trainWith(project, `cp training/model.onnx ${MODEL} && ${run}`);
    expectError(project, retrain, {
      exit: 1,
      code,
      says: [`/output/model.onnx names the weights "${location}"`, 'model.onnx'],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it('leaves a link in place of the model is told', () => {
    trainWith(project, `ln -s "$PWD/training/train.ts" ${MODEL}`);
    expectError(project, retrain, { exit: 1, code: 'training-without-model', says: ['not a link'] });
    expect(leftIn(project)).toEqual([]);
  });

  it('hangs ends at its time limit', async () => {
    const mark = `sleep 1000.${process.pid}1`;
    trainWith(project, `echo epoch 1; ${mark}`, '2s');
    expectError(project, retrain, {
      exit: 1,
      code: 'training-timeout',
      says: ['the training of churn took longer than 2 s. Its last lines:\n  epoch 1\n', 'Raise "timeout"'],
    });
    expect(await processesLeft(mark)).toEqual([]);
    expect(leftIn(project)).toEqual([]);
  });

  it('forks children that hang takes them along, also those that ignore SIGTERM', async () => {
    const mark = `sleep 1000.${process.pid}2`;
    const script = `(trap '' TERM; ${mark}) & ${mark} & sh -c '${mark}; true' & wait\n`;
    writeFileSync(join(project, 'training/fork.sh'), script);
    trainWith(project, 'sh training/fork.sh', '2s');
    expectError(project, retrain, { exit: 1, code: 'training-timeout', says: ['longer than 2 s'] });
    expect(await processesLeft(mark)).toEqual([]);
    expect(leftIn(project)).toEqual([]);
  });

  it('ends and leaves children takes them along', async () => {
    const mark = `sleep 1000.${process.pid}3`;
    trainWith(project, `${mark} & exit 3`);
    expectError(project, retrain, { exit: 1, code: 'training-failed', says: ['exited with 3'] });
    expect(await processesLeft(mark)).toEqual([]);
  });

  // Only a container or a control group could hold these: what left the group on purpose is not found again.
  it('lets children leave its process group does not wait for them, and cannot end them', () => {
    const mark = `sleep 1000.${process.pid}4`;
    const leave = `const { pid } = require('node:child_process').spawn('sh', ['-c', '${mark}; true'], { detached: true, stdio: 'inherit' });
require('node:fs').writeFileSync(${JSON.stringify(join(project, 'left'))}, String(pid));\nprocess.exit(1);\n`;
    writeFileSync(join(project, 'training/leave.cjs'), leave);
    trainWith(project, 'node training/leave.cjs');
    try {
      expectError(project, retrain, { exit: 1, code: 'training-failed', says: ['exited with 1'] });
      expect(processesWith(mark)).not.toEqual([]);
      expect(leftIn(project)).toEqual([]);
    } finally {
      process.kill(-Number(readFileSync(join(project, 'left'), 'utf8')), 'SIGKILL');
    }
  });
});

const HOLDOUT = 'data/holdout.csv';
const header = () => `${readFileSync(join(project, HOLDOUT), 'utf8').split('\n')[0]}\n`;
const replaceHoldout = (text: string) => writeFileSync(join(project, HOLDOUT), text);

const holdouts: [string, () => void, string, (string | RegExp)[]][] = [
  [
    'without the label column',
    () => edit(project, HOLDOUT, [/,churn(?=\r?\n)/, ',chrun']),
    'column-missing',
    [
      'holdout.csv:1:1: the file has no column "churn" (nearest: "chrun")',
      'named under evaluate in edgeloop.yaml',
    ],
  ],
  [
    'with an unknown label',
    () => edit(project, HOLDOUT, [/,no(?=\r?\n)/, ',maybe']),
    'label-unknown',
    [/holdout\.csv:\d+:\d+: found the label "\w+" where .*"no"|found the label "maybe"/, 'Correct the row'],
  ],
  [
    'with one class only',
    () =>
      edit(project, HOLDOUT, [
        /^[^]*$/,
        readFileSync(join(project, HOLDOUT), 'utf8').replaceAll(/,yes(?=\r?\n)/g, ',no'),
      ]),
    'label-one-class',
    ['holdout.csv: every row has the label "no" in the column "churn"', 'Add rows of the other class'],
  ],
  [
    'that is empty',
    () => replaceHoldout(''),
    'csv-empty',
    ['holdout.csv:1:1: the file is empty', 'column names'],
  ],
  [
    'with its header only',
    () => replaceHoldout(header()),
    'csv-no-rows',
    ['holdout.csv:2:1: the file ends after its header line', 'Add rows'],
  ],
  [
    'that is missing',
    () => rmSync(join(project, HOLDOUT)),
    'table-unreadable',
    [/data\/holdout\.csv can't be read: ENOENT: no such file or directory, open '[^']*'\n {2}Check the path/],
  ],
];

describe('a holdout', () => {
  it.each(holdouts)('%s costs no training', (_, damage, code, says) => {
    trainWith(project, 'echo trained; exit 1');
    damage();
    commit(project, 'another holdout');
    const ran = edgeloop(project, ...retrain);
    expect(ran.stderr).not.toContain('trained');
    checkError(ran, { exit: 1, code, says });
    expect(leftIn(project)).toEqual([]);
  });

  it('with categories that nobody trained on is judged, and the report and the log say so', () => {
    edit(project, HOLDOUT, [/^HI,101,/m, 'ZZ,101,']);
    commit(project, 'another holdout');
    const ran = edgeloop(project, ...retrain, '--json');
    const warning = '1 row of the holdout holds a state that the training data do not have ("ZZ")';
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain(`warning: ${warning}`);
    expect(readFileSync(JSON.parse(ran.stdout).report, 'utf8')).toContain(warning);
  });
});
