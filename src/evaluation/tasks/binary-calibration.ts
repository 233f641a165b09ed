import { type Weights, weightedMean } from './task.ts';

const BINS = 10;

/** Mean squared difference of probability and truth (Brier 1950; scikit-learn `brier_score_loss`). */
export function prepareBrier(
  labels: Float64Array,
  probabilities: Float64Array,
): (weights: Weights) => number {
  const losses = probabilities.map((probability, row) => (probability - (labels[row] ?? 0)) ** 2);
  return (weights) => weightedMean(losses, weights);
}

/**
 * Expected calibration error: the mean over bins of |share of class 1 - mean probability|, weighted by what each bin
 * holds (Naeini, Cooper and Hauskrecht 2015). Ten bins of equal width, a limit belonging to the bin below it, as
 * scikit-learn's `calibration_curve` has them. NaN when nothing counts.
 */
export function prepareCalibrationError(
  labels: Float64Array,
  probabilities: Float64Array,
): (weights: Weights) => number {
  const bins = Uint8Array.from(probabilities, binOf);
  // A bin's weight cancels out: (its weight / all) x |sum of these / its weight|.
  const excesses = probabilities.map((probability, row) => probability - (labels[row] ?? 0));
  const sums = new Float64Array(BINS);
  return (weights) => {
    sums.fill(0);
    let total = 0;
    for (let row = 0; row < bins.length; row++) {
      const weight = weights[row] ?? 0;
      const bin = bins[row] ?? 0;
      sums[bin] = (sums[bin] ?? 0) + weight * (excesses[row] ?? 0);
      total += weight;
    }
    return sums.reduce((sum, each) => sum + Math.abs(each), 0) / total;
  };
}

/** How many limits lie below; they are the doubles i x 0.1 of numpy's `linspace`, so that 0.3 is 0.30000000000000004. */
function binOf(probability: number): number {
  let bin = 0;
  while (bin < BINS - 1 && (bin + 1) * (1 / BINS) < probability) bin++;
  return bin;
}
