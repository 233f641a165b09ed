import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberPredictions } from '../../../test/fixtures/predictions.ts';
import { TASK_METRICS } from '../../config/index.ts';
import { pairedBootstrap } from '../bootstrap.ts';
import { REGRESSION_METRICS } from './regression-metrics.ts';
import { measure, type Predictions } from './task.ts';
// Made by real scikit-learn; vectors/metrics.py says how, and makes them again.
import vectors from './vectors/metrics.json' with { type: 'json' };

const METRIC_NAMES = TASK_METRICS.regression;

describe('REGRESSION_METRICS', () => {
  it.each(vectors.regression)(
    'equals scikit-learn: $name',
    ({ labels, predictions, weights, quantile, expected }) => {
      for (const name of METRIC_NAMES) {
        const given = numberPredictions(labels, predictions);
        const found = measure(REGRESSION_METRICS[name], given, weights ?? undefined, { quantile });
        // scikit-learn has no R2 of one row.
        const wanted = expected[name] ?? Number.NaN;
        const near = Object.is(found, wanted) || Math.abs(found - wanted) <= 1e-12 * Math.abs(wanted);
        expect(near, `${name} is ${found} where ${wanted} was expected`).toBe(true);
      }
    },
  );

  const row = fc.record({
    // Quarters, so that sums are exact and equal truths are common.
    label: fc.integer({ min: -8, max: 8 }).map((quarters) => quarters / 4),
    prediction: fc.integer({ min: -8, max: 8 }).map((quarters) => quarters / 4),
    weight: fc.nat(3),
  });
  it('a row that counts twice is the same as the row twice, one that counts nothing is not there', () => {
    fc.assert(
      fc.property(
        // R2 of a single row is undefined, and the same row with the weight of two is not.
        fc.array(row, { minLength: 2, maxLength: 25 }).filter((rows) => copies(rows).length > 1),
        fc.constantFrom(...METRIC_NAMES),
        fc.constantFrom(0.1, 0.5, 0.9),
        (rows, name, quantile) => {
          const weights = rows.map(({ weight }) => weight);
          const found = measure(REGRESSION_METRICS[name], of(rows), weights, { quantile });
          const wanted = measure(REGRESSION_METRICS[name], of(copies(rows)), undefined, { quantile });
          expect(Math.abs(found - wanted)).toBeLessThanOrEqual(1e-10 * Math.max(1, Math.abs(wanted)));
        },
      ),
    );
  });

  it('r2 of equal truths is 0 or 1 also where their mean is rounded', () => {
    // (0.1 + 0.1 + 0.1) / 3 is not 0.1, for which scikit-learn divides by a spread of 1e-34.
    expect(measure(REGRESSION_METRICS.r2, numberPredictions([0.1, 0.1, 0.1], [0.1, 0.1, 0.2]))).toBe(0);
    expect(measure(REGRESSION_METRICS.r2, numberPredictions([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]))).toBe(1);
    const among = numberPredictions([7, 0.1, 0.1, 0.1, 3], [0, 0.1, 0.1, 0.2, 0]);
    expect(measure(REGRESSION_METRICS.r2, among, [0, 0.3, 0.7, 1.1, 0])).toBe(0);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('%d leaves every metric undefined', (value) => {
    for (const name of METRIC_NAMES) {
      expect(measure(REGRESSION_METRICS[name], numberPredictions([1, 2, 3], [1, value, 3]))).toBeNaN();
      expect(measure(REGRESSION_METRICS[name], numberPredictions([1, value, 3], [1, 2, 3]))).toBeNaN();
    }
  });

  it('every resample is usable, also one of a single row over and over', async () => {
    // Of two rows every second resample is.
    const comparison = {
      task: 'regression' as const,
      champion: numberPredictions([1, 2], [1.5, 2.75]),
      candidate: numberPredictions([1, 2], [1, 2]),
      metrics: Object.fromEntries(METRIC_NAMES.map((name) => [name, { relative: false }])),
      resamples: 500,
      seed: 3,
      level: 0.95,
    };
    const [intervals] = await pairedBootstrap([comparison]);
    for (const name of METRIC_NAMES) expect(intervals?.[name]?.lower).toBeGreaterThan(0);
  });
});

function of(rows: readonly { label: number; prediction: number }[]): Predictions {
  return numberPredictions(
    rows.map(({ label }) => label),
    rows.map(({ prediction }) => prediction),
  );
}

function copies<Row extends { weight: number }>(rows: readonly Row[]): Row[] {
  return rows.flatMap((each) => Array.from({ length: each.weight }, () => each));
}
