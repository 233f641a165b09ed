/** How a text column becomes numbers: a rank for each value seen in training, and one for every other value. */
export interface Encoding {
  /** In the order of the ranks 0, 1, 2, ... */
  ranks: Map<string, number>;
  unknown: number;
}

/**
 * Ranks the values of a text column by the share of class 1 among their rows, so that one threshold of a tree can
 * part the risky values from the others. Rare values are pulled towards the average (as if each had been seen in
 * `prior` more average rows); a value that was never seen counts as the one that is closest to the average.
 */
export function rankByLabel(values: readonly string[], labels: readonly number[], prior = 20): Encoding {
  const average = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  const counts = new Map<string, { rows: number; ones: number }>();
  for (const [row, value] of values.entries()) {
    const count = counts.get(value) ?? { rows: 0, ones: 0 };
    count.rows += 1;
    count.ones += labels[row] ?? 0;
    counts.set(value, count);
  }
  const ranked = [...counts]
    .map(([value, { rows, ones }]) => ({ value, share: (ones + prior * average) / (rows + prior) }))
    .toSorted((a, b) => a.share - b.share || (a.value < b.value ? -1 : 1));
  const distances = ranked.map(({ share }) => Math.abs(share - average));
  return {
    ranks: new Map(ranked.map(({ value }, rank) => [value, rank])),
    unknown: distances.indexOf(Math.min(...distances)),
  };
}

/** The ranks of a column's values. */
export function encode(values: readonly string[], encoding: Encoding): number[] {
  return values.map((value) => encoding.ranks.get(value) ?? encoding.unknown);
}
