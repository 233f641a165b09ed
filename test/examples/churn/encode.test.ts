import { describe, expect, it } from 'vitest';
import { encode, rankByLabel } from '../../../examples/churn/training/encode.ts';

describe('rankByLabel', () => {
  const values = ['high', 'middle', 'low', 'high', 'middle', 'low'];
  const labels = [1, 1, 0, 1, 0, 0];

  it('ranks values by their share of class 1, and takes an unknown one for the most average', () => {
    const encoding = rankByLabel(values, labels);
    expect(encode(['low', 'middle', 'high', 'never seen'], encoding)).toEqual([0, 1, 2, 1]);
  });

  it('gives the same ranks whatever the order of the rows, also to values that share their share', () => {
    const names = ['d', 'b', 'c', 'a'];
    const same = names.map((_, row) => row % 2);
    const twice = rankByLabel([...names, ...names.toReversed()], [...same, ...same]);
    expect([...twice.ranks.keys()]).toEqual(['a', 'b', 'c', 'd']);
  });

  it('pulls a value that was seen once towards the average', () => {
    const seen = [...Array<string>(50).fill('often'), ...Array<string>(50).fill('never'), 'once'];
    const encoding = rankByLabel(seen, [...Array<number>(40).fill(1), ...Array<number>(60).fill(0), 1]);
    expect([...encoding.ranks.keys()]).toEqual(['never', 'once', 'often']);
  });
});
