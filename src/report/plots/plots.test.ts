import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binaryPredictions, numberPredictions, predictionsOf } from '../../../test/fixtures/predictions.ts';
import { noise, simulatedBinary } from '../../../test/fixtures/report-facts.ts';
import { type Predictions, taskNamed } from '../../evaluation/index.ts';
import { calibrationOf } from './calibration.ts';
import { confusionOf, mostConfused } from './confusion.ts';
import { intervalPlot } from './intervals.ts';
import { binIn, innerRange } from './quantiles.ts';
import { densityOf, histogramOf, residualsOf } from './residuals.ts';
import { rocOf } from './roc.ts';
import { ticks } from './svg.ts';

const weighted = (predictions: Predictions, seed: number): Predictions => {
  const random = noise(seed);
  return { ...predictions, weights: Float64Array.from({ length: predictions.rows }, () => random() * 3) };
};
const aucOf = (predictions: Predictions): number => {
  const { weights = new Float64Array(predictions.rows).fill(1) } = predictions;
  return taskNamed('binary-classification').metrics['auc']?.prepare(predictions)(weights) ?? Number.NaN;
};
const areaUnder = (points: readonly (readonly [number, number])[]): number =>
  points.reduce((sum, [x, y], index) => {
    const [beforeX, beforeY] = points[index - 1] ?? [0, 0];
    return sum + ((x - beforeX) * (y + beforeY)) / 2;
  }, 0);

describe('rocOf', () => {
  const row = fc.record({ label: fc.constantFrom(0, 1), score: fc.double({ min: 0, max: 1, noNaN: true }) });

  it('has the area of the metric, ties and weights included', () => {
    const property = fc.property(
      fc.array(row, { minLength: 2, maxLength: 300 }),
      fc.boolean(),
      fc.nat(),
      (rows, coarse, seed) => {
        const labels = [0, 1, ...rows.map(({ label }) => label)];
        const scores = [0.3, 0.6, ...rows.map(({ score }) => (coarse ? Math.round(score * 4) / 4 : score))];
        const given = binaryPredictions(labels, scores);
        for (const predictions of [given, weighted(given, seed)]) {
          const roc = rocOf(predictions);
          expect(roc?.auc).toBeCloseTo(aucOf(predictions), 9);
          expect(Math.abs(areaUnder(roc?.points ?? []) - aucOf(predictions))).toBeLessThan(0.01);
        }
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it('is drawn with at most 200 points, rising from corner to corner', () => {
    const predictions = simulatedBinary(300_000, 2);
    const { points = [], auc } = rocOf(predictions) ?? {};
    expect(points.length).toBeLessThanOrEqual(200);
    expect(points.length).toBeGreaterThan(50);
    expect([points[0], points.at(-1)]).toEqual([
      [0, 0],
      [1, 1],
    ]);
    for (const [index, [x, y]] of points.entries()) {
      expect(x).toBeGreaterThanOrEqual(points[index - 1]?.[0] ?? 0);
      expect(y).toBeGreaterThanOrEqual(points[index - 1]?.[1] ?? 0);
    }
    expect(Math.abs(areaUnder(points) - (auc ?? 0))).toBeLessThan(0.01);
  });

  it('does not exist of one class', () => {
    expect(rocOf(binaryPredictions([1, 1], [0.2, 0.9]))).toBeUndefined();
  });
});

describe('calibrationOf', () => {
  it('has a limit in the bin below it, and means by weight', () => {
    const predictions = binaryPredictions([0, 1, 1, 0, 1], [0, 0.1, 0.2, 0.95, 1]);
    const weights = Float64Array.from([3, 1, 1, 1, 4]);
    const bins = calibrationOf({ ...predictions, weights });
    expect(bins.map(({ rows }) => rows)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    expect(bins[0]?.share).toBe(0.25);
    expect(bins[0]?.probability).toBeCloseTo(0.025, 12);
    expect(bins[9]?.share).toBe(0.8);
    expect(bins[2]?.share).toBeNaN();
  });
});

describe('confusionOf', () => {
  const said = [
    [0.8, 0.1, 0.1],
    [0.1, 0.8, 0.1],
    [0.1, 0.8, 0.1],
    [0.4, 0.2, 0.4],
  ];

  it('counts what was taken for what, the first class of a tie, by weight', () => {
    const predictions = predictionsOf([0, 1, 2, 2], said, ['a', 'b', 'c']);
    expect([...confusionOf(predictions, [0, 1, 2]).cells]).toEqual([1, 0, 0, 0, 1, 0, 1, 1, 0]);
    const weights = Float64Array.from([1, 2, 3, 0.5]);
    expect([...confusionOf({ ...predictions, weights }, [0, 1, 2]).cells]).toEqual([
      1, 0, 0, 0, 2, 0, 0.5, 3, 0,
    ]);
    expect([...confusionOf(predictions, [1, 2]).cells]).toEqual([1, 0, 1, 0]);
  });

  it('takes the twenty classes that are confused most', () => {
    const length = 50;
    const labels = Array.from({ length: 400 }, (_, index) => index % length);
    const rows = labels.map((label, index) => {
      const wrong = label >= 30 && index > 100;
      const guess = wrong ? 30 + ((label - 29) % 20) : label;
      return Array.from({ length }, (_, index2) => (index2 === guess ? 1 : 0));
    });
    const found = mostConfused(predictionsOf(labels, rows));
    expect(found).toEqual(Array.from({ length: 20 }, (_, index) => 30 + index));
  });
});

describe('residuals', () => {
  it('are predicted minus true, and their histogram adds up to all of the weight', () => {
    const residuals = residualsOf(numberPredictions([1, 2, 3], [2, 2, 1]));
    expect([...residuals]).toEqual([1, 0, -2]);
    const weights = Float64Array.from([1, 1, 2]);
    expect([...histogramOf(residuals, weights, [-2, 2], 4)]).toEqual([0.5, 0, 0.25, 0.25]);
  });

  it('lie where prediction and truth meet, by weight', () => {
    const predictions = { ...numberPredictions([0, 9, 9], [0, 0, 9]), weights: Float64Array.of(1, 2, 4) };
    expect([...densityOf(predictions, [0, 10], 2)]).toEqual([1, 2, 0, 4]);
  });

  it('an outlier does not widen the range, and lies in the outermost bin', () => {
    const values = Float64Array.from({ length: 1000 }, (_, index) => index / 1000);
    values[500] = 1e12;
    const range = innerRange(values);
    expect(range[1]).toBeLessThan(1);
    expect(binIn(range, 10, 1e12)).toBe(9);
    expect(binIn(range, 10, Number.NaN)).toBe(-1);
    expect(innerRange(Float64Array.of(5, 5))).toEqual([4.5, 5.5]);
  });
});

describe('intervalPlot', () => {
  const interval = { lower: -0.04, upper: 0.02, level: 0.95, relative: false };
  const judgement = { improvement: -0.01, champion: 0.9, interval };

  it('stands left of the allowed loss where the interval reaches beyond it', () => {
    expect(intervalPlot(judgement, 0.02, 'auc')).toContain('interval worse');
    expect(intervalPlot(judgement, 0.05, 'auc')).not.toContain('interval worse');
    expect(intervalPlot({ ...judgement, interval: null }, 0.05, 'auc')).toBe('');
  });

  it('draws a relative improvement in the unit of its interval', () => {
    const relative = {
      improvement: -0.45,
      champion: 0.9,
      interval: { lower: -1, upper: 0, level: 0.95, relative: true },
    };
    // From -1 at 8 to 0 at 172: half of the champion's value lies in the middle.
    expect(intervalPlot(relative, null, 'mae')).toContain('<circle class="candidate" cx="90"');
  });
});

describe('ticks', () => {
  it('are round numbers within the range, neither few nor many', () => {
    const property = fc.property(
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
      (from, width) => {
        fc.pre(width > Math.abs(from) * 1e-6);
        const found = ticks(from, from + width);
        expect(found.length).toBeGreaterThanOrEqual(2);
        expect(found.length).toBeLessThanOrEqual(7);
        for (const tick of found) {
          expect(tick).toBeGreaterThanOrEqual(from - width * 1e-5);
          expect(tick).toBeLessThanOrEqual(from + width * (1 + 1e-5));
        }
      },
    );
    fc.assert(property);
    expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  });
});
