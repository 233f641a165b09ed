import { checkBudgets } from './budgets.ts';
import { against, type Check } from './check.ts';
import { checkData, warnOfData } from './data.ts';
import type { Decision, GateInput } from './input.ts';
import { checkMetric, metricJudgement } from './metrics.ts';
import { checkSlices } from './slices.ts';

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
