import { misuse } from '../errors.ts';
import { type Random, seededRandom } from './random.ts';
import type { Metric, Weights } from './tasks/task.ts';

export interface BootstrapOptions {
  resamples: number;
  /** Unsigned 32-bit integer; the same seed gives the same interval on every machine. */
  seed: number;
  /** Share of the resamples that the interval spans: 0.95. */
  level: number;
  /** The improvement as a share of the champion's value instead of in the metric's own unit. */
  relative?: boolean;
}

/** Two models on the same rows. */
export interface Comparison {
  rows: number;
  direction: Metric['direction'];
  /** The metric of each, by how often each row counts. */
  champion: (weights: Weights) => number;
  candidate: (weights: Weights) => number;
  /** Whether a resample is a holdout at all; one that is not (of one class, say) is drawn again. */
  usable?: ((weights: Weights) => boolean) | undefined;
}

/**
 * Percentile interval of the candidate's improvement over the champion (positive: the candidate is better, whatever
 * the metric's direction), both scored on the same resampled rows (Efron and Tibshirani 1993, chapter 13; ends by the
 * (B + 1) alpha rule of 12.5). Throws the misuse `bootstrap-invalid`.
 */
export function pairedBootstrap(
  comparison: Comparison,
  options: BootstrapOptions,
): { lower: number; upper: number } {
  const { rows, direction, champion, candidate, usable = () => true } = comparison;
  const { resamples, seed, level, relative = false } = options;
  checkOptions(comparison, resamples, level);
  const random = seededRandom(seed);
  const weights = new Uint32Array(rows);
  const draws = new Uint32Array(rows);
  const improvements = Float64Array.from({ length: resamples }, () => {
    do drawWeights(weights, draws, random);
    while (!usable(weights));
    return improvement(direction, champion(weights), candidate(weights), relative);
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

function checkOptions({ rows, usable }: Comparison, resamples: number, level: number): void {
  const possible = rows > 0 && (usable?.(new Uint32Array(rows).fill(1)) ?? true);
  if (possible && Number.isInteger(resamples) && resamples > 0 && level > 0 && level < 1) return;
  throw misuse(
    'bootstrap-invalid',
    `A bootstrap of ${resamples} resamples at level ${level} over ${rows} rows ${possible ? '' : 'that are no holdout '}is not possible.`,
    'Give a holdout with rows of every class, at least one resample and a level between 0 and 1.',
  );
}
