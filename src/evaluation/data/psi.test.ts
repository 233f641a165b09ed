import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bin, categoricalBins, numericBins, stabilityIndex } from './psi.ts';

const bins = (...pairs: [number, number][]): Bin[] =>
  pairs.map(([expected, count], index) => ({ name: String(index), expected, count }));

describe('stabilityIndex', () => {
  it('is the sum of (found - expected) ln(found / expected)', () => {
    // By hand: 0.1 ln(0.6/0.5) - 0.1 ln(0.4/0.5).
    expect(stabilityIndex(bins([0.5, 60], [0.5, 40]))).toBeCloseTo(
      0.1 * Math.log(1.2) - 0.1 * Math.log(0.8),
      12,
    );
  });

  it('is 0 for the same shares, and above 0 for others', () => {
    const parts = fc.array(fc.integer({ min: 50, max: 500 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(parts, parts, (counts, others) => {
        const rows = counts.reduce((a, b) => a + b, 0);
        const given = counts.map((count, index) => ({ name: `${index}`, expected: count / rows, count }));
        expect(stabilityIndex(given)).toBeCloseTo(0, 12);
        const moved = given.map(({ name, expected }, index) => ({
          name,
          expected,
          count: others[index % others.length] ?? 0,
        }));
        expect(stabilityIndex(moved)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('takes bins together in which fewer than five rows are expected, so that chance is no shift', () => {
    const rare = Array.from({ length: 20 }, (_, index): [number, number] => [0.01, index === 0 ? 20 : 0]);
    expect(stabilityIndex(bins([0.8, 80], ...rare))).toBeCloseTo(0, 12);
  });

  it('knows nothing of too few rows', () => {
    expect(stabilityIndex(bins([0.5, 4], [0.5, 4]))).toBeNull();
    expect(
      stabilityIndex(bins(...Array.from({ length: 200 }, (): [number, number] => [0.005, 1]))),
    ).toBeNull();
    expect(stabilityIndex([])).toBeNull();
  });

  it('stays finite where nothing was expected, or nothing is left', () => {
    expect(stabilityIndex(bins([1, 0], [0, 100]))).toBeCloseTo(2 * (1 - 1e-6) * Math.log(1e6), 6);
  });
});

const numeric = {
  kind: 'numeric' as const,
  rows: 100,
  mean: 0,
  standardDeviation: 1,
  minimum: 0,
  maximum: 9,
  deciles: [0, 0, 0, 0, 0, 0, 1, 2, 3],
};

describe('bins', () => {
  it('of a number are cut by its distinct deciles, a value on a cut below it, missing ones apart', () => {
    const { bins: found, indexOf } = numericBins({
      ...numeric,
      shares: [0.65, 0.05, 0.1, 0.1, 0.1],
      missing: 0.2,
    });
    expect(found.map(({ name }) => name)).toEqual(['<= 0', '<= 1', '<= 2', '<= 3', '> 3', 'missing']);
    expect(found.map(({ expected }) => Number(expected.toFixed(6)))).toEqual([
      0.52, 0.04, 0.08, 0.08, 0.08, 0.2,
    ]);
    expect([0, 0.5, 1, 3, 3.01, -5, Number.NaN].map(indexOf)).toEqual([0, 1, 1, 3, 4, 0, 5]);
  });

  it('of a card without shares are about as large as the deciles say', () => {
    const expected = numericBins(numeric).bins.map((bin) => Number(bin.expected.toFixed(6)));
    expect(expected).toEqual([0.6, 0.1, 0.1, 0.1, 0.1, 0]);
  });

  it('of a text are its categories and all others', () => {
    const { bins: found, indexOf } = categoricalBins({
      kind: 'categorical',
      rows: 10,
      shares: { CA: 0.6, '': 0.3 },
    });
    expect(found.map(({ name, expected }) => [name, Number(expected.toFixed(6))])).toEqual([
      ['CA', 0.6],
      ['missing', 0.3],
      ['other', 0.1],
    ]);
    expect(['CA', '', 'XX', 'constructor'].map(indexOf)).toEqual([0, 1, 2, 2]);
  });
});
