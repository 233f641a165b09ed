import type { Table } from './benchmark.ts';
import { DVC_CASES, type DvcCase } from './dvc.ts';
import { type Figure, figureOf, ratioOf, type Times } from './steps.ts';

const BUDGET = { unchangedOverDiffIndex: 1.5, coldSeconds: 1.5, outsideSeconds: 0.5, startSeconds: 0.1 };

const OWN_CASES = [
  'edgeloop --version',
  'nothing changed',
  'the same without --json',
  'cold',
  'one file changed and committed',
  'one file changed, not committed',
  'in a fresh clone, cold',
  'outside of git, nothing changed',
  'outside of git, cold',
  'git diff-index --quiet HEAD',
  'git status --porcelain',
] as const;
export type OwnCase = (typeof OWN_CASES)[number];
export type PlanCase = OwnCase | DvcCase;

const PEER = 'git diff-index --quiet HEAD';

/** What of ours a case of DVC's is to be held against; everything else is held against `git diff-index`. */
const COUNTERPARTS: Readonly<Record<DvcCase, OwnCase>> = {
  'dvc add, the first one': 'cold',
  'dvc add again': 'nothing changed',
  'dvc status': 'nothing changed',
  'dvc repro, nothing to do': 'nothing changed',
  'dvc checkout in a fresh clone, with the cache': 'in a fresh clone, cold',
  'dvc status in it': 'in a fresh clone, cold',
};

interface Line {
  case: PlanCase;
  seconds: Figure;
  ratio: { to: PlanCase; value: number } | undefined;
  budget: { seconds: number; held: boolean } | undefined;
}

/** Every case that was measured at least once. */
export function figuresOf(runs: readonly Times<PlanCase>[]): Line[] {
  const limits = budgets(runs);
  const lines = [...OWN_CASES, ...DVC_CASES].map((which): Line => {
    const seconds = figureOf(runs, which);
    const to = counterpartOf(which);
    const value = to === undefined ? NaN : ratioOf(runs, which, to);
    const limit = limits[which] ?? NaN;
    return {
      case: which,
      seconds,
      // When the time was up, one of two may be missing.
      ratio: to === undefined || Number.isNaN(value) ? undefined : { to, value },
      budget: Number.isNaN(limit) ? undefined : { seconds: limit, held: seconds.median <= limit },
    };
  });
  return lines.filter(({ seconds }) => seconds.runs > 0);
}

function counterpartOf(which: PlanCase): PlanCase | undefined {
  const isOfDvc = (each: PlanCase): each is DvcCase => each in COUNTERPARTS;
  if (isOfDvc(which)) return COUNTERPARTS[which];
  return which === 'edgeloop --version' || which === PEER ? undefined : PEER;
}

/** Seconds, each for one case. */
function budgets(runs: readonly Times<PlanCase>[]): Partial<Record<PlanCase, number>> {
  const [start, peer] = [figureOf(runs, 'edgeloop --version').median, figureOf(runs, PEER).median];
  return {
    'edgeloop --version': BUDGET.startSeconds,
    'nothing changed': BUDGET.unchangedOverDiffIndex * peer + start,
    cold: BUDGET.coldSeconds,
    'in a fresh clone, cold': BUDGET.coldSeconds,
    'outside of git, nothing changed': BUDGET.outsideSeconds,
  };
}

export function planTable(title: string, runs: readonly Times<PlanCase>[]): Table {
  return {
    title,
    head: ['edgeloop plan --json, in git', 'seconds', '(min - max)', 'runs', 'ratio', 'to', 'budget'],
    rows: figuresOf(runs).map(({ case: which, seconds, ratio, budget }) => [
      which,
      seconds.median.toFixed(3),
      `(${seconds.min.toFixed(3)} - ${seconds.max.toFixed(3)})`,
      String(seconds.runs),
      ratio === undefined ? '' : `${ratio.value.toFixed(1)}x`,
      ratio?.to ?? '',
      budget === undefined ? '' : `<= ${budget.seconds.toFixed(3)} s: ${budget.held ? 'held' : 'MISSED'}`,
    ]),
  };
}
