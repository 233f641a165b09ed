import { misuse } from '../errors.ts';
import type { Metric } from './metrics.ts';
import { type Random, seededRandom } from './random.ts';

export interface BootstrapOptions {
  resamples: number;
  /** Unsigned 32-bit integer; the same seed gives the same interval on every machine. */
  seed: number;
  /** Share of the resamples that the interval spans: 0.95. */
  level: number;
  /** The improvement as a share of the champion's value instead of in the metric's own unit. */
  relative?: boolean;
}

/**
 * Percentile interval of the candidate's improvement over the champion (positive: the candidate is better, whatever
 * the metric's direction), both scored on the same resampled rows (Efron and Tibshirani 1993, chapter 13; ends by the
 * (B + 1) alpha rule of 12.5). A resample with one class only is no holdout and is drawn again, so both classes must
 * occur in `labels`.
 */
export function pairedBootstrap(
  metric: Metric,
  labels: Uint8Array,
  championProbabilities: Float64Array,
  candidateProbabilities: Float64Array,
  options: BootstrapOptions,
): { lower: number; upper: number } {
  const { resamples, seed, level, relative = false } = options;
  checkOptions(labels, resamples, level);
  const random = seededRandom(seed);
  const champion = metric.prepare(labels, championProbabilities);
  const candidate = metric.prepare(labels, candidateProbabilities);
  const weights = new Uint32Array(labels.length);
  const draws = new Uint32Array(labels.length);
  const improvements = Float64Array.from({ length: resamples }, () => {
    do drawWeights(weights, draws, random);
    while (!hasBothClasses(weights, labels));
    return improvement(metric.direction, champion(weights), candidate(weights), relative);
  }).toSorted();
  const tail = Math.max(1, Math.floor(((resamples + 1) * (1 - level)) / 2));
  return { lower: improvements[tail - 1] ?? Number.NaN, upper: improvements[resamples - tail] ?? Number.NaN };
}

/** How much better the candidate is; with `relative` as a share of the champion's value (0 when both are equal). */
export function improvement(
  direction: Metric['direction'],
  champion: number,
  candidate: number,
  relative: boolean,
): number {
  const difference = direction === 'maximise' ? candidate - champion : champion - candidate;
  return relative && difference !== 0 ? difference / Math.abs(champion) : difference;
}

/** As many draws with replacement as there are rows. The bias of scaling 32 bits is below rows / 2^32. */
function drawWeights(weights: Uint32Array, draws: Uint32Array, random: Random): void {
  const scale = weights.length / 2 ** 32;
  weights.fill(0);
  random(draws);
  for (let draw = 0; draw < draws.length; draw++) {
    const row = Math.floor((draws[draw] ?? 0) * scale);
    weights[row] = (weights[row] ?? 0) + 1;
  }
}

function hasBothClasses(weights: Uint32Array, labels: Uint8Array): boolean {
  let seen = 0;
  for (let row = 0; row < labels.length && seen !== 3; row++) {
    if (weights[row] !== 0) seen |= labels[row] === 1 ? 1 : 2;
  }
  return seen === 3;
}

function checkOptions(labels: Uint8Array, resamples: number, level: number): void {
  const bothClasses = labels.includes(0) && labels.includes(1);
  if (bothClasses && Number.isInteger(resamples) && resamples > 0 && level > 0 && level < 1) return;
  throw misuse(
    'bootstrap-invalid',
    `A bootstrap of ${resamples} resamples at level ${level} over ${labels.length} rows ${bothClasses ? '' : 'of one class '}is not possible.`,
    'Give a holdout with both classes, at least one resample and a level between 0 and 1.',
  );
}
