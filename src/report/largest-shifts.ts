import type { Distribution, Shift } from '../evaluation/index.ts';

const MOST_SHIFTS = 5;
/** As many bins as a small plot has room for; a number has at most eleven. */
const MOST_BINS = 12;
/** Less than this is what other rows of the same make. */
const LEAST_PSI = 0.001;
/** From here on a shift is worth a look (Siddiqi 2006, Credit Risk Scorecards, chapter 9: moderate). */
export const PSI_MODERATE = 0.1;

/** One bin of a feature: its share of the champion's training data and of the new data. */
export interface ShareBin {
  name: string;
  expected: number;
  found: number;
  /** All bins together for which there is no room; larger than any other, and none to draw beside them. */
  rest: boolean;
}

/** One feature that moved, and where it was and is; no bins when they are not known any more. */
export interface ShiftedFeature {
  column: string;
  psi: number;
  bins: ShareBin[];
}

/** The five features of a table that moved furthest, of those that moved at all. */
export function largestShifts(shift: Shift, distributions: readonly Distribution[]): ShiftedFeature[] {
  if (shift.outcome !== 'measured') return [];
  return shift.features
    .flatMap(({ column, psi }) =>
      psi === null || !(psi >= LEAST_PSI && psi < Infinity) ? [] : [{ column, psi }],
    )
    .toSorted((a, b) => b.psi - a.psi)
    .slice(0, MOST_SHIFTS)
    .map(({ column, psi }) => ({
      column,
      psi,
      bins: sharesOf(distributions.find((each) => each.column === column)),
    }));
}

function sharesOf(distribution: Distribution | undefined): ShareBin[] {
  const all = distribution?.bins ?? [];
  const rows = all.reduce((sum, { count }) => sum + count, 0);
  const bins = all
    .map(({ name, expected, count }) => ({
      name,
      expected,
      found: rows === 0 ? 0 : count / rows,
      rest: false,
    }))
    .filter(({ expected, found }) => expected > 0 || found > 0);
  if (bins.length <= MOST_BINS) return bins;
  const large = new Set(bins.toSorted((a, b) => moved(b) - moved(a)).slice(0, MOST_BINS - 1));
  const rest = bins.filter((bin) => !large.has(bin));
  return [
    ...bins.filter((bin) => large.has(bin)),
    {
      name: `${rest.length} more`,
      expected: rest.reduce((sum, { expected }) => sum + expected, 0),
      found: rest.reduce((sum, { found }) => sum + found, 0),
      rest: true,
    },
  ];
}

const moved = ({ expected, found }: ShareBin): number => Math.abs(found - expected);

/** The bin whose share changed most. */
export function movedMost(bins: readonly ShareBin[]): ShareBin | undefined {
  return bins.filter(({ rest }) => !rest).toSorted((a, b) => moved(b) - moved(a))[0];
}

/** The highest share among the bins that are drawn. */
export function highestShare(bins: readonly ShareBin[]): number {
  const drawn = bins.filter(({ rest }) => !rest);
  return Math.max(Number.MIN_VALUE, ...drawn.flatMap(({ expected, found }) => [expected, found]));
}
