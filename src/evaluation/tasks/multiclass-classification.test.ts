import { describe, expect, it } from 'vitest';
import { floatTensor } from '../../onnx/index.ts';
import type { Batch } from '../tables/columns.ts';
import { multiclassClassification } from './multiclass-classification.ts';

const batch: Batch = { rows: 2, column: () => [], place: (row) => `h.csv:${row + 2}:1` };
const read = (shape: number[], values: number[]) =>
  multiclassClassification.read(floatTensor('probabilities', shape, values), batch, 'y');

describe('the probabilities of K classes', () => {
  it('are taken row by row', () => {
    const { width, predicted } = read([2, 3], [0.5, 0.25, 0.25, 0, 1, 0]);
    expect(width).toBe(3);
    expect([...predicted]).toEqual([0.5, 0.25, 0.25, 0, 1, 0]);
  });

  it.each([
    ['scores', [2, 2], [0.5, 0.5, 3, -2], 'probability-invalid', 'answered 3 for h.csv:3:1'],
    ['NaN', [2, 2], [Number.NaN, 0.5, 0.5, 0.5], 'probability-invalid', 'answered NaN for h.csv:2:1'],
    [
      'independent scores',
      [2, 2],
      [0.5, 0.5, 0.9, 0.75],
      'probability-invalid',
      'for h.csv:3:1 add up to 1.65',
    ],
    ['one column', [2, 1], [1, 1], 'probabilities-shape', '[2,1] for 2 rows; expected [2,K]'],
    ['another number of rows', [1, 2], [0.5, 0.5], 'probabilities-shape', '[1,2] for 2 rows'],
    ['no rank 2', [2], [0.5, 0.5], 'probabilities-shape', '[2] for 2 rows'],
  ])('are refused: %s', (_, shape, values, code, message) => {
    expect(() => read(shape, values)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
