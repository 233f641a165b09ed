import { allowedIn, figure, percent, type Slice, type Tolerance, type Verdict } from '../evaluation/index.ts';

const MOST_LOSSES = 10;
/** Of a tolerance of 0 no loss is a multiple. */
const LEAST_TOLERANCE = 1e-9;

/** One slice in which the candidate is worse by one metric. */
export interface SliceLoss {
  column: string;
  value: string;
  rows: number;
  metric: string;
  judgement: Slice['metrics'][string];
  /** What of it is allowed in so many rows, in the unit of the interval. */
  allowed: number;
  /** The loss as a multiple of what is allowed. */
  multiple: number;
  /** Worse than allowed beyond doubt: the whole interval says so. */
  refused: boolean;
}

/** The slices that got worse, the largest losses first; a loss is as large as it is beside what is allowed. */
export function sliceLosses({ slices, rules, rows }: Verdict): { shown: SliceLoss[]; found: number } {
  const losses = (slices?.judged ?? []).flatMap((slice) =>
    Object.keys(slice.metrics).flatMap((metric) =>
      lossIn(slice, metric, rules.metrics[metric]?.tolerance, rows),
    ),
  );
  const rising = losses.toSorted((a, b) => b.multiple - a.multiple || b.rows - a.rows);
  return { shown: rising.slice(0, MOST_LOSSES), found: losses.length };
}

function lossIn(slice: Slice, metric: string, tolerance: Tolerance | undefined, all: number): SliceLoss[] {
  const { column, value, rows } = slice;
  const judgement = slice.metrics[metric];
  if (judgement === undefined || judgement.tooFew || tolerance === undefined) return [];
  const { improvement, champion, interval } = judgement;
  if (improvement === null || !(improvement < 0)) return [];
  const unit = tolerance.kind === 'relative' && champion !== null && champion !== 0 ? Math.abs(champion) : 1;
  const allowed = allowedIn(slice, tolerance, all);
  const multiple = -improvement / unit / Math.max(allowed, LEAST_TOLERANCE);
  const refused = interval !== null && interval.upper < -allowed;
  return [{ column, value, rows, metric, judgement, allowed, multiple, refused }];
}

/** How many slices were looked at and how many not, and whether losses follow. */
export function sliceSummary(verdict: Verdict): string {
  const { slices, champion, notComparable } = verdict;
  const columns = slices?.columns ?? [];
  const judged = slices?.judged.length ?? 0;
  const few = columns.reduce((sum, { notJudged }) => sum + notJudged, 0);
  const least = Math.max(0, ...columns.map(({ leastRows }) => leastRows));
  const many = `${judged} ${judged === 1 ? 'slice' : 'slices'}`;
  const left =
    few === 0 ? '' : `, ${few} more not judged (fewer than ${least} rows, or beyond the largest ones)`;
  if (champion === null || notComparable !== null) {
    return `${many}${left}: not compared, there is nothing to compare with.`;
  }
  const { shown, found } = sliceLosses(verdict);
  const where =
    found === 0
      ? "None is worse than the champion's."
      : found > shown.length
        ? `The ${shown.length} largest of ${found} losses:`
        : 'Where the candidate is worse:';
  return `${many} judged${left}. ${where}`;
}

/** How many times what is allowed; of a tolerance of 0 there is no such number. */
export function multipleText(multiple: number): string {
  return multiple < 1000 ? `${Number(multiple.toFixed(1))}×` : 'over 1000×';
}

/** What is allowed, in the unit of the interval. */
export function allowedText({ allowed, judgement: { interval } }: SliceLoss): string {
  return interval?.relative ? percent(allowed) : figure(allowed);
}
