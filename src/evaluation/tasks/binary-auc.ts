import { rankedRows } from './binary-ranking.ts';
import type { Weights } from './task.ts';

/**
 * Area under the ROC curve as the Mann-Whitney statistic: the share of (positive, negative) pairs in which the
 * positive one has the higher probability, a tie counting half (Hanley and McNeil 1982; scikit-learn
 * `roc_auc_score`). NaN when the weights leave one class only.
 */
export function prepareAuc(labels: Float64Array, probabilities: Float64Array): (weights: Weights) => number {
  const ranked = rankedRows(labels, probabilities);
  const mixedTies = tiesOfBoth(ranked, probabilities);
  return (weights) => {
    const { pairs, positives, negatives } =
      weights instanceof Uint8Array ? countPairs(ranked, weights) : sumPairs(ranked, weights);
    return (pairs + tiedPairs(ranked, mixedTies, weights) / 2) / (positives * negatives);
  };
}

/** Pairs in which the positive row stands after the negative one, and how much there is of each class. */
interface Pairs {
  pairs: number;
  positives: number;
  negatives: number;
}

/** Of each tie of both classes where it begins, where its negative rows begin, and where it ends. */
function tiesOfBoth(ranked: Uint32Array, probabilities: Float64Array): Uint32Array {
  const probabilityAt = (place: number) => probabilities[(ranked[place] ?? 0) >>> 1];
  const labelAt = (place: number) => (ranked[place] ?? 0) & 1;
  const ties: number[] = [];
  for (let start = 0, at = 1; at <= ranked.length; at++) {
    if (at < ranked.length && probabilityAt(at) === probabilityAt(start)) continue;
    if (labelAt(start) !== labelAt(at - 1)) {
      let middle = start;
      while (labelAt(middle) === 1) middle++;
      ties.push(start, middle, at);
    }
    start = at;
  }
  return Uint32Array.from(ties);
}

/** Keeps every sum of a block below 2^31: 256 rows that count at most 255 each. */
const BLOCK = 256;

/** In 32-bit integers, half as much work as in doubles; both give the same, as long as rows^2 is below 2^53. */
function countPairs(ranked: Uint32Array, counts: Uint8Array): Pairs {
  let [pairs, positives, negatives] = [0, 0, 0];
  for (let start = 0; start < ranked.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, ranked.length);
    let [within, positive, negative] = [0, 0, 0];
    for (let at = start; at < end; at++) {
      const entry = ranked[at] ?? 0;
      const count = counts[entry >>> 1] ?? 0;
      // No branch on the label: which way it goes is not predictable.
      const ofPositive = count & -(entry & 1);
      within = (within + Math.imul(ofPositive, negative)) | 0;
      positive = (positive + ofPositive) | 0;
      negative = (negative + count - ofPositive) | 0;
    }
    pairs += within + positive * negatives;
    positives += positive;
    negatives += negative;
  }
  return { pairs, positives, negatives };
}

function sumPairs(ranked: Uint32Array, weights: Weights): Pairs {
  let [pairs, positives, negatives] = [0, 0, 0];
  for (let at = 0; at < ranked.length; at++) {
    const entry = ranked[at] ?? 0;
    const weight = weights[entry >>> 1] ?? 0;
    const ofPositive = weight * (entry & 1);
    pairs += ofPositive * negatives;
    positives += ofPositive;
    negatives += weight - ofPositive;
  }
  return { pairs, positives, negatives };
}

function tiedPairs(ranked: Uint32Array, mixedTies: Uint32Array, weights: Weights): number {
  const sum = (from: number, to: number): number => {
    let total = 0;
    for (let at = from; at < to; at++) total += weights[(ranked[at] ?? 0) >>> 1] ?? 0;
    return total;
  };
  let pairs = 0;
  for (let tie = 0; tie < mixedTies.length; tie += 3) {
    const [start = 0, middle = 0, end = 0] = mixedTies.subarray(tie, tie + 3);
    pairs += sum(start, middle) * sum(middle, end);
  }
  return pairs;
}
