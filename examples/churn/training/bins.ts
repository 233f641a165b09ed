/** A column cut into at most 255 bins: bin `b` holds the values above `cuts[b - 1]` up to and with `cuts[b]`. */
export interface Binned {
  /** Ascending; float32, so that they mean the same in the model file. One fewer than there are bins. */
  cuts: number[];
  /** The bin of each row. */
  bins: Uint8Array;
}

const MOST_BINS = 255;

/** Cuts a column of float32 values at its quantiles; with few distinct values each gets a bin of its own. */
export function binColumn(values: readonly number[]): Binned {
  const sorted = Float32Array.from(values).toSorted();
  const distinct = [...new Set(sorted)];
  const edges = distinct.length <= MOST_BINS ? distinct.slice(0, -1) : quantiles(sorted);
  const cuts = edges.map((edge) => between(edge, distinct));
  return { cuts, bins: Uint8Array.from(values, (value) => firstAtLeast(cuts, value)) };
}

function quantiles(sorted: Float32Array): number[] {
  const last = sorted.at(-1) ?? 0;
  const edges = new Set<number>();
  for (let bin = 1; bin < MOST_BINS; bin += 1) {
    edges.add(sorted[Math.floor((bin * sorted.length) / MOST_BINS) - 1] ?? last);
  }
  edges.delete(last); // nothing lies above it
  return [...edges];
}

/** A float32 halfway between a value and the next larger one, but never that next one. */
function between(value: number, distinct: number[]): number {
  const next = distinct[firstAtLeast(distinct, value) + 1] ?? value;
  const middle = Math.fround((value + next) / 2);
  return middle < next ? middle : value;
}

/** The index of the first element that is `value` or more, by binary search; the length when there is none. */
function firstAtLeast(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
