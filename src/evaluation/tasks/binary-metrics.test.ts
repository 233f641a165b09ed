import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binaryPredictions } from '../../../test/fixtures/predictions.ts';
import { TASK_METRICS } from '../../config/index.ts';
import { BINARY_METRICS } from './binary-metrics.ts';
import { measure, type Predictions } from './task.ts';
// Made by real scikit-learn; vectors/metrics.py says how, and makes them again.
import vectors from './vectors/metrics.json' with { type: 'json' };

const METRIC_NAMES = TASK_METRICS['binary-classification'];

describe('BINARY_METRICS', () => {
  it.each(vectors.cases)('equals scikit-learn: $name', ({ labels, probabilities, weights, expected }) => {
    for (const name of METRIC_NAMES) {
      const found = measure(
        BINARY_METRICS[name],
        binaryPredictions(labels, probabilities),
        weights ?? undefined,
      );
      // scikit-learn has no AUC of one class.
      expect(apart(name, found, expected[name] ?? Number.NaN, 1e-9)).toBeUndefined();
    }
  });

  const row = fc.record({
    label: fc.constantFrom(0, 1),
    probability: fc.oneof(fc.constantFrom(0, 0.25, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    weight: fc.nat(3),
  });

  it('auc is the share of pairs in the right order, a tie counting half', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 25 }), (rows) => {
        let [pairs, right] = [0, 0];
        for (const positive of rows.filter(({ label }) => label === 1)) {
          for (const negative of rows.filter(({ label }) => label === 0)) {
            const weight = positive.weight * negative.weight;
            pairs += weight;
            if (positive.probability > negative.probability) right += weight;
            if (positive.probability === negative.probability) right += weight / 2;
          }
        }
        const found = measure(BINARY_METRICS.auc, ...arrays(rows));
        expect(apart('auc', found, right / pairs, 1e-12)).toBeUndefined();
      }),
    );
  });

  it('a row that counts twice is the same as the row twice', () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 25 }),
        fc.constantFrom(...METRIC_NAMES),
        (rows, name) => {
          const repeated = rows.flatMap((each) =>
            Array.from({ length: each.weight }, () => ({ ...each, weight: 1 })),
          );
          const found = measure(BINARY_METRICS[name], ...arrays(rows));
          const wanted = measure(BINARY_METRICS[name], ...arrays(repeated));
          expect(apart(name, found, wanted, 1e-10)).toBeUndefined();
        },
      ),
    );
  });
});

/** What a failing comparison is reported with; NaN is near NaN and nothing else. */
function apart(name: string, found: number, wanted: number, tolerance: number): string | undefined {
  const near = Number.isNaN(wanted) ? Number.isNaN(found) : Math.abs(found - wanted) <= tolerance;
  return near ? undefined : `${name} is ${found} where ${wanted} was expected`;
}

function arrays(
  rows: readonly { label: number; probability: number; weight: number }[],
): [Predictions, number[]] {
  const labels = rows.map(({ label }) => label);
  const probabilities = rows.map(({ probability }) => probability);
  return [binaryPredictions(labels, probabilities), rows.map(({ weight }) => weight)];
}
