import { describe, expect, it } from 'vitest';
import type { DatasetFile } from '../dataset/index.ts';
import type { Card } from '../onnx/index.ts';
import { type Compared, diffReleases } from './release-diff.ts';

const digest = (character: string) => `sha256:${character.repeat(64)}`;
const file = (path: string, sha: string, size = 10): DatasetFile => ({ path, size, sha256: sha.repeat(64) });

const card: Card = {
  schema: 'edgeloop.card/v1',
  model: 'churn',
  modelSignature: {
    inputs: [{ name: 'age', dataType: 'FP32', shape: [null, 1] }],
    outputs: [{ name: 'label', dataType: 'INT64', shape: [null] }],
    labels: ['no', 'yes'],
  },
  requirements: {
    opset: { 'ai.onnx': 17 },
    executionProviders: ['cpu'],
    modelBytes: 1000,
    memoryBytes: 2 ** 26,
  },
  training: {
    inputKey: 'a'.repeat(64),
    inputs: {
      command: 'train',
      code: digest('1'),
      dataset: digest('2'),
      params: { trees: 120, rate: 0.1 },
      environment: digest('3'),
    },
    commit: null,
    job: { target: 'local', name: 'job' },
    datasetFiles: 2,
    datasetBytes: 20,
  },
};

function verdict(holdout: string, values: Record<string, number | null>): Compared['verdict'] {
  const metrics = Object.entries(values).map(([name, candidate]) => [name, { candidate }]);
  return { holdout, rules: { metrics: { auc: {} } }, metrics: Object.fromEntries(metrics) };
}

const before: Compared = {
  release: { lock: { dataset: digest('2') } },
  card,
  verdict: verdict(digest('8'), { brier: 0.1, auc: 0.9 }),
  data: { digest: digest('2'), referrer: digest('a'), files: [file('a.csv', '1'), file('b.csv', '2')] },
  code: { digest: digest('1'), referrer: digest('b'), files: [file('train.py', '3')] },
};

type Training = NonNullable<Card['training']>;
const trainedWith = (inputs: Partial<Training['inputs']>): Card => {
  const training = card.training as Training;
  return { ...card, training: { ...training, inputs: { ...training.inputs, ...inputs } } };
};

describe('diffReleases', () => {
  it('of a release and itself is nothing', () => {
    expect(diffReleases(before, before)).toEqual({
      modelSignature: [],
      requirements: [],
      command: null,
      params: [],
      environment: null,
      data: null,
      code: null,
      sameHoldout: true,
      metrics: [
        { name: 'auc', from: 0.9, to: 0.9, difference: 0 },
        { name: 'brier', from: 0.1, to: 0.1, difference: 0 },
      ],
      size: null,
      base: null,
      unknown: [],
    });
  });

  it.each<[string, Partial<Compared>, object]>([
    [
      'the model signature, in the words of a version bump',
      { card: { ...card, modelSignature: { ...card.modelSignature, labels: ['no', 'maybe'] } } },
      { modelSignature: [{ level: 'major', reason: 'labels changed from no, yes to no, maybe' }] },
    ],
    [
      'requirements',
      {
        card: {
          ...card,
          requirements: {
            opset: { 'ai.onnx': 21, 'ai.onnx.ml': 3 },
            executionProviders: ['cpu', 'cuda'],
            modelBytes: 1000,
          },
        },
      },
      {
        requirements: [
          { name: 'opset ai.onnx', from: '17', to: '21' },
          { name: 'execution providers', from: 'cpu', to: 'cpu, cuda' },
          { name: 'memory', from: '64 MiB', to: 'none' },
          { name: 'opset ai.onnx.ml', from: 'none', to: '3' },
        ],
      },
    ],
    [
      'size',
      { card: { ...card, requirements: { ...card.requirements, modelBytes: 400 } } },
      { size: { from: 1000, to: 400, difference: -600 } },
    ],
    [
      'params, changed, added and removed',
      { card: trainedWith({ params: { trees: 150, depth: 3 } }) },
      {
        params: [
          { name: 'trees', from: 120, to: 150 },
          { name: 'rate', from: 0.1, to: null },
          { name: 'depth', from: null, to: 3 },
        ],
      },
    ],
    ['command', { card: trainedWith({ command: 'other' }) }, { command: { from: 'train', to: 'other' } }],
    [
      'environment',
      { card: trainedWith({ environment: digest('9') }) },
      { environment: { from: digest('3'), to: digest('9') } },
    ],
    [
      'base of the image',
      { release: { lock: { dataset: digest('2'), base: 'debian@sha256:1' } } },
      { base: { from: 'none', to: 'debian@sha256:1' } },
    ],
    [
      'data, by the files of both manifests',
      {
        release: { lock: { dataset: digest('7') } },
        data: {
          digest: digest('7'),
          referrer: digest('c'),
          files: [file('b.csv', '9', 7), file('c.csv', '4', 5)],
        },
      },
      {
        data: {
          from: digest('2'),
          to: digest('7'),
          files: {
            added: { files: 1, bytes: 5, paths: ['c.csv'] },
            removed: { files: 1, bytes: 10, paths: ['a.csv'] },
            modified: { files: 1, bytes: 7, paths: ['b.csv'] },
          },
        },
      },
    ],
    [
      'data whose list is lost, by their digests alone',
      { release: { lock: { dataset: digest('7') } }, data: undefined },
      { data: { from: digest('2'), to: digest('7'), files: null } },
    ],
    [
      'code',
      {
        card: trainedWith({ code: digest('5') }),
        code: { digest: digest('5'), referrer: digest('d'), files: [file('train.py', '6', 12)] },
      },
      {
        code: {
          from: digest('1'),
          to: digest('5'),
          files: {
            added: { files: 0, bytes: 0, paths: [] },
            removed: { files: 0, bytes: 0, paths: [] },
            modified: { files: 1, bytes: 12, paths: ['train.py'] },
          },
        },
      },
    ],
    [
      'metrics, and that they are of other rows',
      { verdict: verdict(digest('9'), { auc: 0.75, brier: null, f1: 0.5 }) },
      {
        sameHoldout: false,
        metrics: [
          { name: 'auc', from: 0.9, to: 0.75, difference: expect.closeTo(-0.15, 12) },
          { name: 'brier', from: 0.1, to: null, difference: null },
          { name: 'f1', from: null, to: 0.5, difference: null },
        ],
      },
    ],
    [
      'what is not known of one of them',
      { card: undefined, verdict: undefined, code: undefined },
      {
        metrics: [
          { name: 'auc', from: 0.9, to: null, difference: null },
          { name: 'brier', from: 0.1, to: null, difference: null },
        ],
        sameHoldout: null,
        unknown: [
          'model signature',
          'requirements',
          'size',
          'command',
          'params',
          'environment',
          'code',
          'metrics',
        ],
      },
    ],
  ])('tells %s, and nothing else', (_, after, expected) => {
    expect(diffReleases(before, { ...before, ...after })).toEqual({
      ...diffReleases(before, before),
      ...expected,
    });
  });
});
