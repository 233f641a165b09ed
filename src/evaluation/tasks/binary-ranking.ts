import type { Weights } from './task.ts';

/** The rows by rising probability, of equal ones those of class 1 first, each as 2 * row + label. No NaN. */
export function rankedRows(labels: Float64Array, probabilities: Float64Array): Uint32Array {
  const order = Uint32Array.from(labels, (_, row) => row);
  order.sort(
    (a, b) => (probabilities[a] ?? 0) - (probabilities[b] ?? 0) || (labels[b] ?? 0) - (labels[a] ?? 0),
  );
  return order.map((row) => 2 * row + (labels[row] ?? 0));
}

/**
 * Average precision: over the distinct probabilities as limits, from the highest down, the precision at each weighted
 * by how much recall it adds, without interpolation (scikit-learn `average_precision_score`). 0 without a positive, NaN
 * when no row counts.
 */
export function prepareAveragePrecision(
  labels: Float64Array,
  probabilities: Float64Array,
): (weights: Weights) => number {
  const ranked = rankedRows(labels, probabilities);
  const probabilityAt = (place: number) => probabilities[(ranked[place] ?? 0) >>> 1];
  // Downwards a limit has been passed with the row that, read upwards, is the first of its probability.
  const limits = Uint8Array.from(ranked, (_, place) =>
    place > 0 && probabilityAt(place - 1) === probabilityAt(place) ? 0 : 1,
  );
  return (weights) => {
    let [sum, positives, all, tiedPositives] = [0, 0, 0, 0];
    for (let place = ranked.length - 1; place >= 0; place--) {
      const entry = ranked[place] ?? 0;
      const weight = weights[entry >>> 1] ?? 0;
      // No branches: which way the label goes is not predictable, and V8 boxes a sum that a branch may reset.
      const ofPositive = weight * (entry & 1);
      const passed = limits[place] ?? 1;
      tiedPositives += ofPositive;
      positives += ofPositive;
      all += weight;
      sum += (passed * tiedPositives * positives) / Math.max(all, Number.MIN_VALUE);
      tiedPositives *= 1 - passed;
    }
    if (all === 0) return Number.NaN;
    return positives === 0 ? 0 : sum / positives;
  };
}
