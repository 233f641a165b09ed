/*
 * One part of an evaluation in a process of its own, so that its memory is only its own: prints a line of JSON.
 * `score MODEL HOLDOUT`, `bootstrap FOLDER ROWS RESAMPLES METRIC,...` or `evaluate MODEL HOLDOUT`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepGarbageSmall } from '../../src/small-garbage.ts';
import {
  evaluate,
  type Predictions,
  pairedBootstrap,
  scoreModel,
  taskNamed,
} from '../../src/evaluation/index.ts';
import { readModelFile } from '../../src/onnx/index.ts';

// As the command line does before it evaluates.
keepGarbageSmall();

const TASK = 'binary-classification';
const LABEL = 'churn';

const parts: Readonly<Record<string, (...args: string[]) => Promise<object>>> = {
  async score(model = '', holdout = '') {
    const { rows, predicted } = await scoreModel(model, holdout, LABEL, TASK);
    return { rows, mean: meanOfClassOne(predicted) };
  },

  async bootstrap(folder = '', rows = '', resamples = '', metrics = '') {
    const [candidate, champion] = await Promise.all(
      ['candidate', 'champion'].map((model) => predictionsIn(folder, model, Number(rows))),
    );
    if (candidate === undefined || champion === undefined) throw new Error('two models are compared');
    const names = metrics === 'all' ? Object.keys(taskNamed(TASK).metrics) : metrics.split(',');
    const [intervals] = await pairedBootstrap([
      {
        task: TASK,
        candidate,
        champion,
        metrics: Object.fromEntries(names.map((name) => [name, { relative: false }])),
        resamples: Number(resamples),
        seed: 1,
        level: 0.95,
      },
    ]);
    return { metrics: names.length, interval: intervals?.['auc'] ?? null };
  },

  async evaluate(model = '', holdout = '') {
    const { modelSignature } = await readModelFile(model);
    const contender = (digit: string) => ({
      modelFile: model,
      digest: `sha256:${digit.repeat(64)}`,
      bytes: 1,
      modelSignature,
    });
    const nothing = { outcome: 'not-applicable' as const, reason: 'not measured here' };
    const { verdict } = await evaluate({
      model: 'churn',
      candidate: contender('a'),
      champion: contender('b'),
      holdout: { file: holdout, name: 'holdout.csv', digest: `sha256:${'c'.repeat(64)}` },
      rules: {
        metrics: {
          auc: { min: 0.85, tolerance: { kind: 'absolute', value: 0.02 } },
          log_loss: { tolerance: { kind: 'relative', value: 0.15 } },
        },
        budget: {},
        slices: [],
        checks: { psi: 1, unknown: 1, overlap: 1 },
      },
      label: LABEL,
      task: TASK,
      data: {
        record: { train: nothing, holdout: nothing, overlap: nothing },
        distributions: { train: [], holdout: [] },
      },
      runner: null,
    });
    return { rows: verdict.rows, outcome: verdict.outcome };
  },
};

/** As the benchmark writes them: little-endian doubles, the labels and each model's probabilities of class 1. */
async function predictionsIn(folder: string, model: string, rows: number): Promise<Predictions> {
  const [labels, ones] = await Promise.all([doubles(join(folder, 'labels')), doubles(join(folder, model))]);
  const predicted = new Float64Array(2 * rows);
  for (const [row, one] of ones.entries()) predicted.set([1 - one, one], 2 * row);
  return { rows, labels, predicted, width: 2, classes: ['no', 'yes'] };
}

async function doubles(file: string): Promise<Float64Array> {
  const { buffer, byteOffset, byteLength } = await readFile(file);
  return new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

function meanOfClassOne(predicted: Float64Array): number {
  let sum = 0;
  for (let index = 1; index < predicted.length; index += 2) sum += predicted[index] ?? NaN;
  return (2 * sum) / predicted.length;
}

/** The most memory that this process has held, in MB; proc(5). */
async function peakMb(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  return (Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
}

const [name = '', ...args] = process.argv.slice(2);
const part = parts[name];
if (part === undefined) throw new Error(`there is no part ${name}`);
const began = performance.now();
const found = await part(...args);
console.log(
  JSON.stringify({ ...found, seconds: (performance.now() - began) / 1000, peakMb: await peakMb() }),
);
