import { describe, expect, it } from 'vitest';
import { goldenRows } from './golden.ts';

describe('goldenRows', () => {
  it('spreads over the range of probabilities, ends included', () => {
    const probabilities = Float64Array.from({ length: 101 }, (_, row) => ((row * 37) % 101) / 100);
    const chosen = goldenRows(probabilities, 8).map((row) => probabilities[row] ?? 0);
    expect(chosen.toSorted((a, b) => a - b)).toEqual([0, 0.14, 0.29, 0.43, 0.57, 0.71, 0.86, 1]);
  });

  it('leaves out rows near the decision limit', () => {
    expect(goldenRows(Float64Array.from([0.5, 0.495, 0.509, 0.2, 0.489, 0.52]), 8)).toEqual([3, 4, 5]);
  });

  it('takes each row once, also when probabilities are alike', () => {
    expect(goldenRows(new Float64Array(20).fill(0.1), 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('fails for a model that decides nothing', () => {
    expect(() => goldenRows(new Float64Array(20).fill(0.5), 8)).toThrow(
      expect.objectContaining({ code: 'golden-none' }),
    );
  });
});
