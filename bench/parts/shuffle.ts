import { seededRandom } from '../../src/evaluation/random.ts';

/** The same values in an order that a seed decides (Fisher and Yates). */
export function seededShuffle<Value>(values: readonly Value[], seed: number): Value[] {
  const shuffled = [...values];
  const draws = new Uint32Array(values.length);
  seededRandom(seed)(draws);
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = Math.floor(((draws[last] ?? 0) / 2 ** 32) * (last + 1));
    const [a, b] = [shuffled[last], shuffled[other]];
    if (a !== undefined && b !== undefined) [shuffled[last], shuffled[other]] = [b, a];
  }
  return shuffled;
}
