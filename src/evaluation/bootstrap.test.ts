import { describe, expect, it } from 'vitest';
import { binaryPredictions } from '../../test/fixtures/predictions.ts';
import { TASK_METRICS } from '../config/index.ts';
import { type Comparison, type Ends, pairedBootstrap } from './bootstrap.ts';
import { seededRandom, seedFrom } from './random.ts';

const METRIC_NAMES = TASK_METRICS['binary-classification'];

interface Options extends Pick<Comparison, 'resamples' | 'seed' | 'level'> {
  relative?: boolean;
  weights?: Float64Array;
}

/** Champion and candidate by their probabilities of class 1, compared by some metrics of binary classification. */
function comparison(
  names: readonly string[],
  labels: ArrayLike<number>,
  champion: Float64Array,
  candidate: Float64Array,
  { relative = false, weights, ...rest }: Options,
): Comparison {
  const predictions = (probabilities: Float64Array) => ({
    ...binaryPredictions(labels, probabilities),
    ...(weights && { weights }),
  });
  return {
    task: 'binary-classification',
    champion: predictions(champion),
    candidate: predictions(candidate),
    metrics: Object.fromEntries(names.map((name) => [name, { relative }])),
    ...rest,
  };
}

/** The interval of one metric. */
async function bootstrap(
  name: string,
  labels: ArrayLike<number>,
  champion: Float64Array,
  candidate: Float64Array,
  options: Options,
): Promise<Ends> {
  const [found] = await pairedBootstrap([comparison([name], labels, champion, candidate, options)]);
  return found?.[name] ?? null;
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
  it('is the same for the same seed, and another for another', async () => {
    const [first, again, other] = await pairedBootstrap(
      [5, 5, 6].map((seed) =>
        comparison(['auc'], labels, predictions(0.3), predictions(0.35, ROWS), { ...options, seed }),
      ),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it.each([
    ['', undefined],
    [', with sample weights', Float64Array.from(labels, (_, row) => (row % 7) / 3)],
  ])('is what its definition says%s', async (_, weights) => {
    // Hundredths, so that there are ties within a class and between both.
    const champion = predictions(0.2).map((value) => Math.round(value * 100) / 100);
    const candidate = predictions(0.25, ROWS).map((value) => Math.round(value * 100) / 100);
    const given = { resamples: 199, seed: 9, level: 0.9, ...(weights && { weights }) };
    const found = await bootstrap('auc', labels, champion, candidate, given);
    const random = seededRandom(9);
    const improvements = Array.from({ length: 199 }, () => {
      const draws = new Uint32Array(ROWS);
      random(draws);
      const rows = Array.from(draws, (value) => Math.floor((value / 2 ** 32) * ROWS));
      return pairsWon(rows, candidate, weights) - pairsWon(rows, champion, weights);
    }).toSorted((a, b) => a - b);
    // (199 + 1) x 0.05 = 10: the tenth from either end.
    expect(found?.lower).toBeCloseTo(improvements[9] ?? Number.NaN, 12);
    expect(found?.upper).toBeCloseTo(improvements[189] ?? Number.NaN, 12);
  });

  it('says the same of a metric whatever else is compared', async () => {
    const rest = [labels, predictions(0.3), predictions(0.35, ROWS), options] as const;
    const [slice, together] = await pairedBootstrap([
      comparison(
        ['f1'],
        labels.subarray(8),
        predictions(0.1).subarray(8),
        predictions(0.2).subarray(8),
        options,
      ),
      comparison(METRIC_NAMES, ...rest),
    ]);
    expect(Object.keys(slice ?? {})).toEqual(['f1']);
    for (const name of METRIC_NAMES) expect(together?.[name]).toEqual(await bootstrap(name, ...rest));
  });

  it.each(METRIC_NAMES)('%s: equal models have the interval [0, 0]', async (name) => {
    for (const relative of [false, true]) {
      const interval = await bootstrap(name, labels, predictions(0.3), predictions(0.3), {
        ...options,
        relative,
      });
      expect(interval).toEqual({ lower: 0, upper: 0 });
    }
  });

  it.each(METRIC_NAMES)('%s: a better candidate is above zero, a worse one below', async (name) => {
    const [weak, strong] = [predictions(0.1), predictions(0.45)];
    expect((await bootstrap(name, labels, weak, strong, options))?.lower).toBeGreaterThan(0);
    expect((await bootstrap(name, labels, strong, weak, options))?.upper).toBeLessThan(0);
  });

  it('agrees with the normal approximation for a mean', async () => {
    // The difference in accuracy is a mean of -1, 0 and 1, whose standard error is known.
    const [champion, candidate] = [predictions(0.2), predictions(0.2, ROWS)];
    const hit = (probabilities: Float64Array, row: number): number =>
      (probabilities[row] ?? 0) > 0.5 === (labels[row] === 1) ? 1 : 0;
    const differences = Array.from({ length: ROWS }, (_, row) => hit(candidate, row) - hit(champion, row));
    const mean = differences.reduce((sum, value) => sum + value, 0) / ROWS;
    const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / ROWS;
    const margin = 1.96 * Math.sqrt(variance / ROWS);
    const interval = await bootstrap('accuracy', labels, champion, candidate, options);
    expect(Math.abs((interval?.lower ?? Number.NaN) - (mean - margin))).toBeLessThan(margin / 5);
    expect(Math.abs((interval?.upper ?? Number.NaN) - (mean + margin))).toBeLessThan(margin / 5);
  });

  it('is relative to the champion when asked', async () => {
    const labelsOfTwo = Uint8Array.from([0, 1]);
    const half = Float64Array.from([0.5, 0.5]);
    const quarter = Float64Array.from([0.25, 0.75]);
    const interval = await bootstrap('log_loss', labelsOfTwo, half, quarter, {
      ...options,
      relative: true,
    });
    const share = 1 - Math.log(0.75) / Math.log(0.5);
    expect(interval?.lower).toBeCloseTo(share, 12);
    expect(interval?.upper).toBeCloseTo(share, 12);
  });

  it('has no interval relative to a champion of 0', async () => {
    // The champion predicts class 1 for no row.
    const rest = [labels, new Float64Array(ROWS), predictions(0.4)] as const;
    expect(await bootstrap('f1', ...rest, { ...options, relative: true })).toBeNull();
    expect(await bootstrap('f1', ...rest, options)).not.toBeNull();
  });

  it('draws again where a resample has one class only', async () => {
    const rare = Uint8Array.from([1, 0, 0, 0]);
    const interval = await bootstrap(
      'auc',
      rare,
      Float64Array.from([0.4, 0.3, 0.5, 0.6]),
      Float64Array.from([0.9, 0.3, 0.5, 0.6]),
      options,
    );
    expect(interval?.lower).toBeGreaterThanOrEqual(0);
    expect(interval?.upper).toBe(1);
  });

  it.each([
    ['one class', new Uint8Array(3), undefined],
    ['one class that counts', Uint8Array.from([0, 1, 0]), Float64Array.from([1, 0, 1])],
  ])('of %s has the intervals of what is defined', async (_, few, weights) => {
    const zeros = new Float64Array(3);
    const given = comparison(['auc', 'accuracy'], few, zeros, zeros, {
      ...options,
      ...(weights && { weights }),
    });
    expect(await pairedBootstrap([given])).toEqual([{ auc: null, accuracy: { lower: 0, upper: 0 } }]);
  });

  it.each([
    ['no rows', 0, {}],
    ['rows of which none counts', 3, { weights: new Float64Array(3) }],
    ['no resamples', 3, { resamples: 0 }],
    ['a level that spans everything', 3, { level: 1 }],
  ])('refuses %s', async (_, rows, wrong) => {
    const zeros = new Float64Array(rows);
    const given = comparison(['accuracy'], zeros, zeros, zeros, { ...options, ...wrong });
    await expect(pairedBootstrap([given])).rejects.toMatchObject({ code: 'bootstrap-invalid' });
  });

  it('ends when it is cancelled, before it begins or while it runs', async () => {
    const endless = comparison(METRIC_NAMES, labels, predictions(0.3), predictions(0.4), {
      ...options,
      resamples: 1_000_000,
    });
    const reason = new Error('enough');
    await expect(pairedBootstrap([endless], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const cancelled = new AbortController();
    setTimeout(() => cancelled.abort(reason), 100);
    await expect(pairedBootstrap([endless], { signal: cancelled.signal })).rejects.toBe(reason);
  });
});

/** Area under the ROC curve by its definition: every drawn positive against every drawn negative. */
function pairsWon(rows: readonly number[], probabilities: Float64Array, weights?: Float64Array): number {
  let [won, pairs] = [0, 0];
  for (const positive of rows.filter((row) => labels[row] === 1)) {
    for (const negative of rows.filter((row) => labels[row] === 0)) {
      const weight = (weights?.[positive] ?? 1) * (weights?.[negative] ?? 1);
      const above = Math.sign((probabilities[positive] ?? 0) - (probabilities[negative] ?? 0));
      won += (weight * (1 + above)) / 2;
      pairs += weight;
    }
  }
  return won / pairs;
}

function uniforms(seed: number, count: number): Float64Array {
  const target = new Uint32Array(count);
  seededRandom(seed)(target);
  return Float64Array.from(target, (value) => value / 2 ** 32);
}
