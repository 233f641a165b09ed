/** Outliers must not make a plot of all others unreadable: a range leaves out this share at either end. */
const TAIL = 0.005;

/** The range that holds all but the outermost values of these series; never of width 0. */
export function innerRange(...series: readonly Float64Array[]): [number, number] {
  let [from, to] = [Infinity, -Infinity];
  for (const values of series) {
    const rising = values.filter(Number.isFinite).toSorted();
    const tail = Math.floor(rising.length * TAIL);
    from = Math.min(from, rising[tail] ?? Infinity);
    to = Math.max(to, rising.at(-1 - tail) ?? -Infinity);
  }
  if (from > to) return [0, 1];
  if (from < to) return [from, to];
  const margin = Math.abs(from) / 10 || 1;
  return [from - margin, to + margin];
}

/** Which of equal bins a value falls into, the outermost ones holding what lies beyond; -1 for what is no number. */
export function binIn([from, to]: readonly [number, number], bins: number, value: number): number {
  if (Number.isNaN(value)) return -1;
  return Math.min(bins - 1, Math.max(0, Math.floor(((value - from) / (to - from)) * bins)));
}
