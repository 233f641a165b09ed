import { checkBudgets } from './budgets.ts';
import { against, type Check } from './check.ts';
import { checkData, warnOfData } from './data.ts';
import { checkMetric, metricJudgement } from './metrics.ts';
import type {
  DataRecord,
  Interval,
  Latency,
  MetricJudgement,
  Outcome,
  Rules,
  SliceRecord,
} from './record.ts';
import { checkSlices } from './slices.ts';

/** Recorded values, and nothing else, from which the gate decides. `null` is a value that could not be measured. */
export interface GateInput {
  /** Says which metrics there are, and which way each is better. */
  task: string;
  /** Of the holdout. */
  rows: number;
  /** By metric. */
  candidate: Record<string, number | null>;
  /** `null` when there is none, or none that can be compared. */
  champion: Record<string, number | null> | null;
  /** Why the champion can't be scored on today's holdout although its model signature is another one; else `null`. */
  notComparable: string | null;
  /** Of the improvement, by metric; empty when nothing is compared. */
  intervals: Record<string, Interval | null>;
  /** `null` when it was not measured. */
  slices: SliceRecord | null;
  rules: Rules;
  /** Size of the candidate's files. */
  sizeBytes: number | null;
  /** The most that its session host held. */
  memoryBytes: number | null;
  latency: Latency | null;
  data: DataRecord | null;
}

export interface Decision {
  /** `first`: there was no champion and all floors, budgets and data checks hold. */
  outcome: Outcome;
  /** Of a `fail` every reason against the candidate, otherwise what each check found. */
  reasons: string[];
  /** What does not decide, but should be known. */
  warnings: string[];
  metrics: Record<string, MetricJudgement>;
}

/**
 * Candidate against champion. Each configured metric has to hold its floors, and with a tolerance the lower end of the
 * improvement's interval must not fall below minus the tolerance (non-inferiority). No slice may be worse than that
 * beyond doubt. Budgets and the limits of the data hold whatever the metrics say. Without a comparable champion floors,
 * budgets and data decide. Whatever is missing or not a number speaks against the candidate.
 */
export function judge(input: GateInput): Decision {
  const configured = Object.entries(input.rules.metrics);
  const byMetric = configured.map(([name, rule]) => ({ name, checks: checkMetric(name, rule, input) }));
  const checks = [
    ...(configured.length === 0 ? [against('no metric is configured: add one under evaluate.metrics')] : []),
    ...checkComparable(input),
    ...byMetric.flatMap((each) => each.checks),
    ...checkSlices(input),
    ...checkBudgets(input),
    ...checkData(input),
  ];
  const failed = checks.filter(({ passed }) => !passed);
  const passed = new Map(byMetric.map((each) => [each.name, each.checks.every((check) => check.passed)]));
  const measured = new Set([...Object.keys(input.candidate), ...passed.keys()]);
  const first = input.champion === null && input.notComparable === null;
  return {
    outcome: failed.length > 0 ? 'fail' : first ? 'first' : 'pass',
    reasons: (failed.length > 0 ? failed : checks).map(({ reason }) => reason),
    warnings: warnOfData(input),
    metrics: Object.fromEntries(
      [...measured].map((name) => [name, metricJudgement(name, input, passed.get(name) ?? null)]),
    ),
  };
}

/** A change of the model signature must not become a way around the gate: without a comparison a floor has to decide. */
function checkComparable({ notComparable, rules }: GateInput): Check[] {
  if (notComparable === null) return [];
  const reason = `no comparison with the champion was possible: ${notComparable}`;
  const floored = Object.values(rules.metrics).some(({ min, max }) => min !== undefined || max !== undefined);
  if (floored) return [{ passed: true, reason: `${reason}; floors and budgets decide` }];
  return [against(`${reason}; and no metric has a floor: set min or max under evaluate.metrics`)];
}
