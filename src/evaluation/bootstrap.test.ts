import { describe, expect, it } from 'vitest';
import { binaryPredictions } from '../../test/fixtures/predictions.ts';
import { TASK_METRICS } from '../config/index.ts';
import { type BootstrapOptions, pairedBootstrap } from './bootstrap.ts';
import { seededRandom, seedFrom } from './random.ts';
import { taskNamed } from './tasks/tasks.ts';

const METRIC_NAMES = TASK_METRICS['binary-classification'];

/** The interval of one metric of binary classification. */
function bootstrap(
  name: (typeof METRIC_NAMES)[number],
  labels: ArrayLike<number>,
  champion: Float64Array,
  candidate: Float64Array,
  options: BootstrapOptions,
): { lower: number; upper: number } {
  const task = taskNamed('binary-classification');
  const metric = task.metrics[name];
  if (metric === undefined) throw new Error(`no metric ${name}`);
  const { direction, prepare } = metric;
  return pairedBootstrap(
    {
      rows: labels.length,
      direction,
      champion: prepare(binaryPredictions(labels, champion)),
      candidate: prepare(binaryPredictions(labels, candidate)),
      usable: task.usable?.(Float64Array.from(labels)),
    },
    options,
  );
}

const ROWS = 400;
const noise = uniforms(11, ROWS * 2);
const labels = Uint8Array.from({ length: ROWS }, (_, row) => (row % 4 === 0 ? 1 : 0));
/** Probabilities that know the label the better, the greater the strength. */
const predictions = (strength: number, shift = 0): Float64Array =>
  Float64Array.from(labels, (label, row) => strength * label + (1 - strength) * (noise[row + shift] ?? 0));
const options = { resamples: 1000, seed: 5, level: 0.95 };

describe('seededRandom', () => {
  it('gives the numbers of the reference implementation for its state', () => {
    // xoshiro128starstar.c, compiled, with the state that SplitMix32 makes of the seed 42.
    const target = new Uint32Array(5);
    seededRandom(42)(target);
    expect([...target]).toEqual([2837322924, 544945897, 479756282, 3500138142, 339756180]);
  });

  it('goes on where it stopped', () => {
    const [whole, first, second] = [new Uint32Array(10), new Uint32Array(3), new Uint32Array(7)];
    seededRandom(1)(whole);
    const parts = seededRandom(1);
    parts(first);
    parts(second);
    expect([...first, ...second]).toEqual([...whole]);
  });

  it('is seeded by digests, in their order', () => {
    expect(seedFrom('sha256:aa', 'sha256:bb')).toBe(0x66df0b13);
    expect(seedFrom('sha256:bb', 'sha256:aa')).not.toBe(seedFrom('sha256:aa', 'sha256:bb'));
  });
});

describe('pairedBootstrap', () => {
  it('is the same for the same seed, and another for another', () => {
    const [first, again, other] = [5, 5, 6].map((seed) =>
      bootstrap('auc', labels, predictions(0.3), predictions(0.35, ROWS), { ...options, seed }),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it.each(METRIC_NAMES)('%s: equal models have the interval [0, 0]', (name) => {
    for (const relative of [false, true]) {
      const interval = bootstrap(name, labels, predictions(0.3), predictions(0.3), {
        ...options,
        relative,
      });
      expect(interval).toEqual({ lower: 0, upper: 0 });
    }
  });

  it.each(METRIC_NAMES)('%s: a better candidate is above zero, a worse one below', (name) => {
    const [weak, strong] = [predictions(0.1), predictions(0.45)];
    expect(bootstrap(name, labels, weak, strong, options).lower).toBeGreaterThan(0);
    expect(bootstrap(name, labels, strong, weak, options).upper).toBeLessThan(0);
  });

  it('agrees with the normal approximation for a mean', () => {
    // The difference in accuracy is a mean of -1, 0 and 1, whose standard error is known.
    const [champion, candidate] = [predictions(0.2), predictions(0.2, ROWS)];
    const hit = (probabilities: Float64Array, row: number): number =>
      (probabilities[row] ?? 0) > 0.5 === (labels[row] === 1) ? 1 : 0;
    const differences = Array.from({ length: ROWS }, (_, row) => hit(candidate, row) - hit(champion, row));
    const mean = differences.reduce((sum, value) => sum + value, 0) / ROWS;
    const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / ROWS;
    const margin = 1.96 * Math.sqrt(variance / ROWS);
    const interval = bootstrap('accuracy', labels, champion, candidate, options);
    expect(Math.abs(interval.lower - (mean - margin))).toBeLessThan(margin / 5);
    expect(Math.abs(interval.upper - (mean + margin))).toBeLessThan(margin / 5);
  });

  it('is relative to the champion when asked', () => {
    const labelsOfTwo = Uint8Array.from([0, 1]);
    const half = Float64Array.from([0.5, 0.5]);
    const quarter = Float64Array.from([0.25, 0.75]);
    const interval = bootstrap('log_loss', labelsOfTwo, half, quarter, {
      ...options,
      relative: true,
    });
    const share = 1 - Math.log(0.75) / Math.log(0.5);
    expect(interval.lower).toBeCloseTo(share, 12);
    expect(interval.upper).toBeCloseTo(share, 12);
  });

  it('draws again where a resample has one class only', () => {
    const rare = Uint8Array.from([1, 0, 0, 0]);
    const interval = bootstrap(
      'auc',
      rare,
      Float64Array.from([0.4, 0.3, 0.5, 0.6]),
      Float64Array.from([0.9, 0.3, 0.5, 0.6]),
      options,
    );
    expect(interval.lower).toBeGreaterThanOrEqual(0);
    expect(interval.upper).toBe(1);
  });

  it('refuses one class', () => {
    const zeros = new Uint8Array(3);
    expect(() => bootstrap('f1', zeros, new Float64Array(3), new Float64Array(3), options)).toThrow(
      /1000 resamples .* 3 rows that are no holdout/,
    );
  });
});

function uniforms(seed: number, count: number): Float64Array {
  const target = new Uint32Array(count);
  seededRandom(seed)(target);
  return Float64Array.from(target, (value) => value / 2 ** 32);
}
