import { describe, expect, it } from 'vitest';
import type { Card, ModelSignature } from '../onnx/index.ts';
import { channelTag, nextVersion, parseModelTag, signatureChanges, versionTag } from './index.ts';

const digest = (character: string) => `sha256:${character.repeat(64)}`;

const signature: ModelSignature = {
  inputs: [
    { name: 'age', dataType: 'FP32', shape: [null, 1] },
    { name: 'plan', dataType: 'BYTES', shape: [null, 1] },
    { name: 'image', dataType: 'FP32', shape: [null, 3, 8, 8] },
  ],
  outputs: [
    { name: 'label', dataType: 'INT64', shape: [null] },
    { name: 'probabilities', dataType: 'FP32', shape: [null, 2] },
  ],
  labels: ['no', 'yes'],
};

const card: Card = {
  schema: 'edgeloop.card/v1',
  model: 'churn',
  modelSignature: signature,
  requirements: { opset: { 'ai.onnx': 17 }, executionProviders: ['cpu'], modelBytes: 10 },
  training: {
    inputKey: 'a'.repeat(64),
    inputs: {
      command: 'train',
      code: digest('1'),
      dataset: digest('2'),
      params: { trees: 120 },
      environment: digest('3'),
    },
    commit: null,
    job: { target: 'local', name: 'job' },
    datasetFiles: 1,
    datasetBytes: 10,
  },
};

type Inputs = ModelSignature['inputs'];
const [age, plan, image] = signature.inputs as [Inputs[0], Inputs[0], Inputs[0]];
const [label, probabilities] = signature.outputs as [Inputs[0], Inputs[0]];

describe('signatureChanges', () => {
  const others = { ...signature, inputs: [plan, image] };
  it.each<[string, ModelSignature, string[]]>([
    ['nothing changed', structuredClone(signature), []],
    ['order of inputs', { ...signature, inputs: [image, plan, age] }, []],
    ['input removed', others, ['major: input "age" was removed']],
    [
      'required input added',
      { ...signature, inputs: [...signature.inputs, { ...age, name: 'tariff' }] },
      ['major: required input "tariff" was added'],
    ],
    [
      'optional input added',
      { ...signature, inputs: [...signature.inputs, { ...age, name: 'tariff', optional: true }] },
      ['minor: optional input "tariff" was added'],
    ],
    [
      'input became optional',
      { ...signature, inputs: [{ ...age, optional: true }, plan, image] },
      ['minor: input "age" became optional'],
    ],
    ['output removed', { ...signature, outputs: [label] }, ['major: output "probabilities" was removed']],
    [
      'output added',
      { ...signature, outputs: [label, probabilities, { ...label, name: 'score' }] },
      ['minor: output "score" was added'],
    ],
    [
      'dtype',
      { ...signature, inputs: [{ ...age, dataType: 'FP64' }, plan, image] },
      ['major: input "age" changed from FP32 to FP64'],
    ],
    [
      'rank',
      { ...signature, inputs: [{ ...age, shape: [null] }, plan, image] },
      ['major: input "age" changed from rank 2 to 1'],
    ],
    [
      'dynamic made fixed',
      { ...signature, inputs: [{ ...age, shape: [8, 1] }, plan, image] },
      ['major: input "age", dimension 0: dynamic became 8'],
    ],
    [
      'fixed changed',
      { ...signature, inputs: [age, plan, { ...image, shape: [null, 3, 8, 9] }] },
      ['major: input "image", dimension 3: 8 became 9'],
    ],
    [
      'fixed made dynamic',
      { ...signature, inputs: [age, plan, { ...image, shape: [null, 3, 8, null] }] },
      ['minor: input "image", dimension 3: 8 became dynamic'],
    ],
    [
      'labels reordered',
      { ...signature, labels: ['yes', 'no'] },
      ['major: labels changed from no, yes to yes, no'],
    ],
    [
      'a label renamed',
      { ...signature, labels: ['no', 'maybe'] },
      ['major: labels changed from no, yes to no, maybe'],
    ],
    [
      'a label added',
      { ...signature, labels: ['no', 'yes', 'maybe'] },
      ['major: labels changed from no, yes to no, yes, maybe'],
    ],
    [
      'labels named no more',
      { inputs: signature.inputs, outputs: signature.outputs },
      ['major: labels changed from no, yes to none'],
    ],
    ['order of outputs', { ...signature, outputs: [probabilities, label] }, []],
    [
      'dtype of an output',
      { ...signature, outputs: [{ ...label, dataType: 'INT32' }, probabilities] },
      ['major: output "label" changed from INT64 to INT32'],
    ],
    [
      'rank of an output',
      { ...signature, outputs: [{ ...label, shape: [null, 1] }, probabilities] },
      ['major: output "label" changed from rank 1 to 2'],
    ],
    [
      'dynamic dimension of an output made fixed',
      { ...signature, outputs: [{ ...label, shape: [1] }, probabilities] },
      ['major: output "label", dimension 0: dynamic became 1'],
    ],
    [
      'fixed dimension of an output changed',
      { ...signature, outputs: [label, { ...probabilities, shape: [null, 3] }] },
      ['major: output "probabilities", dimension 1: 2 became 3'],
    ],
    [
      'fixed dimension of an output made dynamic',
      { ...signature, outputs: [label, { ...probabilities, shape: [null, null] }] },
      ['minor: output "probabilities", dimension 1: 2 became dynamic'],
    ],
    [
      'an input renamed',
      { ...signature, inputs: [{ ...age, name: 'years' }, plan, image] },
      ['major: input "age" was removed', 'major: required input "years" was added'],
    ],
    [
      'several at once',
      {
        ...signature,
        inputs: [image, { ...age, dataType: 'FP64', shape: [null] }, plan],
        outputs: [label, probabilities, { ...label, name: 'score' }],
      },
      [
        'major: input "age" changed from FP32 to FP64',
        'major: input "age" changed from rank 2 to 1',
        'minor: output "score" was added',
      ],
    ],
  ])('%s', (_, after, expected) => {
    expect(signatureChanges(signature, after).map((change) => `${change.level}: ${change.reason}`)).toEqual(
      expected,
    );
  });

  it('calls an optional input that became required a break', () => {
    const before = { ...signature, inputs: [{ ...age, optional: true }, plan, image] };
    expect(signatureChanges(before, signature)).toEqual([
      { level: 'major', reason: 'input "age" is no longer optional' },
    ]);
  });
});

function trainedWith(inputs: Partial<NonNullable<Card['training']>['inputs']>): Card {
  const training = card.training;
  if (training === undefined) throw new Error('the fixture has a training');
  return { ...card, training: { ...training, inputs: { ...training.inputs, ...inputs } } };
}

describe('nextVersion', () => {
  const highest = { version: '1.2.3', card };
  const major = { ...card, modelSignature: { ...signature, labels: ['no', 'maybe'] } };
  it.each<[string, Parameters<typeof nextVersion>, string, string, string[]]>([
    ['first', [undefined, card], '1.0.0', 'first', ['first release']],
    [
      'data',
      [highest, trainedWith({ dataset: digest('9') })],
      '1.2.4',
      'patch',
      ['the training data changed'],
    ],
    [
      'param and data',
      [highest, trainedWith({ dataset: digest('9'), params: { trees: 150 } })],
      '1.3.0',
      'minor',
      ['param trees: 120 became 150'],
    ],
    [
      'param removed',
      [highest, trainedWith({ params: {} })],
      '1.3.0',
      'minor',
      ['param trees: 120 became absent'],
    ],
    ['code', [highest, trainedWith({ code: digest('9') })], '1.3.0', 'minor', ['the training code changed']],
    [
      'environment',
      [highest, trainedWith({ environment: digest('9') })],
      '1.3.0',
      'minor',
      ['the environment changed'],
    ],
    [
      'command',
      [highest, trainedWith({ command: 'other' })],
      '1.3.0',
      'minor',
      ['the training command changed'],
    ],
    ['labels', [highest, major], '2.0.0', 'major', ['labels changed from no, yes to no, maybe']],
    [
      'raised',
      [highest, trainedWith({ dataset: digest('9') }), 'minor'],
      '1.3.0',
      'minor',
      ['raised from patch to minor on request', 'the training data changed'],
    ],
    [
      'never lowered',
      [highest, major, 'patch'],
      '2.0.0',
      'major',
      ['labels changed from no, yes to no, maybe'],
    ],
  ])('%s', (_, args, version, bump, reasons) => {
    expect(nextVersion(...args)).toEqual({ version, bump, reasons });
  });
});

describe('requirements', () => {
  const highest = { version: '1.2.3', card };
  const trained = trainedWith({ dataset: digest('9') });
  // What a device must offer is checked by the device, before it fetches: no client of the model notices it.
  it.each<[string, Card['requirements']]>([
    ['a higher opset', { ...card.requirements, opset: { 'ai.onnx': 21 } }],
    ['another opset domain', { ...card.requirements, opset: { 'ai.onnx': 17, 'ai.onnx.ml': 3 } }],
    ['another execution provider', { ...card.requirements, executionProviders: ['cuda'] }],
    ['more memory', { ...card.requirements, memoryBytes: 2 ** 30 }],
    ['a larger model', { ...card.requirements, modelBytes: 1000 }],
  ])('raised to %s do not bump', (_, requirements) => {
    const reasons = ['the training data changed'];
    expect(nextVersion(highest, { ...trained, requirements })).toEqual({
      version: '1.2.4',
      bump: 'patch',
      reasons,
    });
  });
});

describe('tags', () => {
  it('reads what it writes', () => {
    expect(parseModelTag(versionTag('churn', '1.0.1'))).toEqual({
      kind: 'version',
      model: 'churn',
      version: '1.0.1',
    });
    expect(parseModelTag(channelTag('churn', 'production', 12))).toEqual({
      kind: 'channel',
      model: 'churn',
      channel: 'production',
      sequence: 12,
    });
  });

  it.each([
    'v1.0.0',
    'churn@1.0.0',
    'churn@v1.0',
    'churn@v01.0.0',
    'churn@v1.0.0-rc.1',
    'Churn@v1.0.0',
    'churn-@v1.0.0',
    'churn#production',
    'churn#production#0',
    'churn@v1.0.0!',
  ])('leaves %s to others', (tag) => {
    expect(parseModelTag(tag)).toBeUndefined();
  });
});
