import { describe, expect, it } from 'vitest';
import { numberPredictions } from '../../../test/fixtures/predictions.ts';
import { REGRESSION_METRICS } from './regression-metrics.ts';
import { measure } from './task.ts';

describe('measure', () => {
  const predictions = numberPredictions([0, 0, 0], [1, 2, 4]);
  const weighted = { ...predictions, weights: Float64Array.of(0.5, 0, 1.5) };
  const { mae } = REGRESSION_METRICS;

  it("counts each row once, by the weights given, by the predictions' own, or by the product of both", () => {
    expect(measure(mae, predictions)).toBeCloseTo(7 / 3, 12);
    expect(measure(mae, predictions, [3, 1, 0])).toBe(5 / 4);
    expect(measure(mae, weighted)).toBe(6.5 / 2);
    expect(measure(mae, weighted, [3, 1, 1])).toBe(7.5 / 3);
  });
});
