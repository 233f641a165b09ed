import { describe, expect, it } from 'vitest';
import { floatTensor, type ModelSignature, stringTensor } from '../../src/onnx/index.ts';
import { checkRequest } from './check-inputs.ts';

const signature: ModelSignature = {
  inputs: [
    { name: 'age', dataType: 'FP32', shape: [null, 1] },
    { name: 'plan', dataType: 'BYTES', shape: [null, 1] },
    { name: 'bias', dataType: 'FP32', shape: [1], optional: true },
  ],
  outputs: [{ name: 'label', dataType: 'INT64', shape: [null] }],
};
const age = floatTensor('age', [2, 1], [1, 2]);
const plan = stringTensor('plan', [2, 1], ['a', 'b']);

describe('checkRequest', () => {
  it('accepts inputs in any order, without those that are optional or with them', () => {
    checkRequest(signature, { inputs: [plan, age] });
    checkRequest(signature, { inputs: [age, plan, floatTensor('bias', [1], [0])], outputs: ['label'] });
    expect(() => checkRequest(signature, { inputs: [age] })).toThrow('missing input "plan"');
  });

  it('names the input whose number of rows differs', () => {
    const inputs = [age, stringTensor('plan', [1, 1], ['a'])];
    expect(() => checkRequest(signature, { inputs })).toThrow(
      'input "plan" has 1 rows, but input "age" has 2',
    );
  });

  it('refuses an input that is given twice', () => {
    expect(() => checkRequest(signature, { inputs: [age, plan, age] })).toThrow('input "age" is given twice');
  });
});
