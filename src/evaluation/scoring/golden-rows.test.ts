import { describe, expect, it } from 'vitest';
import { binaryPredictions, predictionsOf } from '../../../test/fixtures/predictions.ts';
import { goldenRows } from './golden.ts';
import { taskNamed } from '../tasks/tasks.ts';

const binary = (probabilities: Float64Array, count: number): number[] =>
  goldenRows(
    taskNamed('binary-classification').golden(
      binaryPredictions(new Uint8Array(probabilities.length), probabilities),
    ),
    count,
  );
const multiclass = (probabilities: number[][], count: number): number[] =>
  goldenRows(
    taskNamed('multiclass-classification').golden(
      predictionsOf(new Uint8Array(probabilities.length), probabilities),
    ),
    count,
  );

const sure = (best: number): number[] =>
  Array.from({ length: 8 }, (_, index) => (index === best ? 0.93 : 0.01));

describe('goldenRows', () => {
  it('spreads over the range of probabilities, ends included', () => {
    const probabilities = Float64Array.from({ length: 101 }, (_, row) => ((row * 37) % 101) / 100);
    const chosen = binary(probabilities, 8).map((row) => probabilities[row] ?? 0);
    expect(chosen.toSorted((a, b) => a - b)).toEqual([0, 0.14, 0.29, 0.43, 0.57, 0.71, 0.86, 1]);
  });

  it('leaves out rows near the decision limit', () => {
    expect(binary(Float64Array.from([0.5, 0.495, 0.509, 0.2, 0.489, 0.52]), 8)).toEqual([3, 4, 5]);
  });

  it('takes each row once, also when probabilities are alike', () => {
    expect(binary(new Float64Array(20).fill(0.1), 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('fails for a model that decides nothing', () => {
    expect(() => binary(new Float64Array(20).fill(0.5), 8)).toThrow(
      expect.objectContaining({ code: 'golden-none' }),
    );
  });

  it('leaves out rows whose two highest of K probabilities lie within 0.01', () => {
    const rows = [
      [0.4, 0.405, 0.195],
      [0.4, 0.45, 0.15],
      [0.5, 0, 0.5],
      [0.1, 0.1, 0.8],
    ];
    expect(multiclass(rows, 8)).toEqual([1, 3]);
    expect(() => multiclass(rows.slice(0, 1), 8)).toThrow(
      expect.objectContaining({
        code: 'golden-none',
        message: expect.stringContaining('two highest probabilities lie within 0.01'),
      }),
    );
  });

  it('spreads over K predicted classes', () => {
    const rows = Array.from({ length: 80 }, (_, row) => sure(row % 10 === 0 ? Math.floor(row / 10) : 0));
    expect(multiclass(rows, 8)).toEqual([0, 10, 20, 30, 40, 50, 60, 70]);
  });
});
