import { describe, expect, it } from 'vitest';
import type { ModelSignature, TensorSpec } from './model-signature.ts';
import { signatureDifferences } from './signature-differences.ts';

const spec = (name: string, more: Partial<TensorSpec> = {}): TensorSpec => ({
  name,
  dataType: 'FP32',
  shape: [null, 1],
  ...more,
});
const signature = (inputs: TensorSpec[], outputs = [spec('y')]): ModelSignature => ({ inputs, outputs });

describe('signatureDifferences', () => {
  it('finds none when only the order differs or an optional input is not reported', () => {
    const card = signature([spec('a'), spec('b'), spec('bias', { shape: [1], optional: true })]);
    expect(signatureDifferences(card, signature([spec('b'), spec('a')]))).toEqual([]);
  });

  it('names each difference', () => {
    const card = signature([spec('a'), spec('b'), spec('c')]);
    const actual = signature(
      [spec('a', { dataType: 'FP64' }), spec('b', { shape: [null, 2] }), spec('d')],
      [],
    );
    expect(signatureDifferences(card, actual)).toEqual([
      'input "a" is FP64 [?,1] in the model and FP32 [?,1] in the card',
      'input "b" is FP32 [?,2] in the model and FP32 [?,1] in the card',
      'input "c" of the card is not in the model',
      'input "d" of the model is not in the card',
      'output "y" of the card is not in the model',
    ]);
  });
});
