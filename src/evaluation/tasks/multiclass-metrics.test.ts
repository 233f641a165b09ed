import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { predictionsOf } from '../../../test/fixtures/predictions.ts';
import { TASK_METRICS } from '../../config/index.ts';
import { pairedBootstrap } from '../bootstrap.ts';
import { MULTICLASS_METRICS } from './multiclass-metrics.ts';
import { measure } from './task.ts';
// Made by real scikit-learn; vectors/metrics.py says how, and makes them again.
import vectors from './vectors/metrics.json' with { type: 'json' };

const METRIC_NAMES = TASK_METRICS['multiclass-classification'];

const shares = ({ cuts: [a, b] }: { cuts: [number, number] }): number[] => {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  return [low / 10, (high - low) / 10, (10 - high) / 10];
};

describe('MULTICLASS_METRICS', () => {
  it.each(vectors.multiclass)(
    'equals scikit-learn: $name',
    ({ labels, probabilities, weights, expected }) => {
      const predictions = predictionsOf(labels, probabilities);
      for (const name of METRIC_NAMES) {
        const found = measure(MULTICLASS_METRICS[name], predictions, weights ?? undefined);
        expect(Math.abs(found - expected[name]), `${name} is ${found}, not ${expected[name]}`).toBeLessThan(
          1e-9,
        );
      }
    },
  );

  const row = fc.record({
    label: fc.nat(2),
    // Tenths, so that ties are common.
    cuts: fc.tuple(fc.nat(10), fc.nat(10)),
    weight: fc.nat(3),
  });
  it('a row that counts twice is the same as the row twice, one that counts nothing is not there', () => {
    fc.assert(
      fc.property(
        fc
          .array(row, { minLength: 1, maxLength: 25 })
          .filter((rows) => rows.some(({ weight }) => weight > 0)),
        fc.constantFrom(...METRIC_NAMES),
        (rows, name) => {
          const repeated = rows.flatMap((each) => Array.from({ length: each.weight }, () => each));
          const of = (some: typeof rows) =>
            predictionsOf(
              some.map(({ label }) => label),
              some.map(shares),
              ['a', 'b', 'c'],
            );
          const weights = rows.map(({ weight }) => weight);
          const found = measure(MULTICLASS_METRICS[name], of(rows), weights);
          expect(found).toBeCloseTo(measure(MULTICLASS_METRICS[name], of(repeated)), 10);
        },
      ),
    );
  });

  it('takes a resample that lacks a class as it is', async () => {
    // Of three rows, one of each class, nearly every third resample lacks a given one.
    const rows = [
      [0.8, 0.1, 0.1],
      [0.1, 0.8, 0.1],
      [0.1, 0.1, 0.8],
    ];
    const worse = rows.map((each) => each.map((value) => (value === 0.8 ? 0.1 : value + 0.35)));
    const [intervals] = await pairedBootstrap([
      {
        task: 'multiclass-classification',
        champion: predictionsOf([0, 1, 2], worse),
        candidate: predictionsOf([0, 1, 2], rows),
        metrics: Object.fromEntries(METRIC_NAMES.map((name) => [name, { relative: false }])),
        resamples: 500,
        seed: 3,
        level: 0.95,
      },
    ]);
    for (const name of METRIC_NAMES) expect(intervals?.[name]?.lower).toBeGreaterThan(0);
  });
});
