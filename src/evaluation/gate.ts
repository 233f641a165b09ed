import { improvement } from './bootstrap.ts';
import { bytes, figure, figureBeside, percent } from './figures.ts';
import type { Interval, MetricJudgement, MetricRule, Outcome, Rules, Tolerance } from './gate-record.ts';
import { taskNamed } from './tasks/tasks.ts';

/** Recorded values, and nothing else, from which the gate decides. `null` is a value that could not be measured. */
export interface GateInput {
  /** Says which metrics there are, and which way each is better. */
  task: string;
  /** By metric. */
  candidate: Record<string, number | null>;
  /** `null` for a first release. */
  champion: Record<string, number | null> | null;
  /** Of the improvement, by metric; empty for a first release. */
  intervals: Record<string, Interval | null>;
  rules: Rules;
  /** Size of the candidate's files. */
  sizeBytes: number | null;
}

export interface Decision {
  /** `first`: there was no champion and all floors and budgets hold. */
  outcome: Outcome;
  /** Of a `fail` every reason against the candidate, otherwise what each check found. */
  reasons: string[];
  metrics: Record<string, MetricJudgement>;
}

interface Check {
  passed: boolean;
  reason: string;
}

/**
 * Candidate against champion. Each configured metric has to hold its floors, and with a tolerance the lower end of the
 * improvement's interval must not fall below minus the tolerance (non-inferiority). A metric without a tolerance is
 * judged by its floors alone. Whatever is missing or not a number speaks against the candidate.
 */
export function judge(input: GateInput): Decision {
  const configured = Object.entries(input.rules.metrics);
  const byMetric = configured.map(([name, rule]) => ({ name, checks: checkMetric(name, rule, input) }));
  const checks = [...byMetric.flatMap((each) => each.checks), ...checkSize(input)];
  if (configured.length === 0)
    checks.unshift(against('no metric is configured: add one under evaluate.metrics'));
  const failed = checks.filter(({ passed }) => !passed);
  const passed = new Map(byMetric.map((each) => [each.name, each.checks.every((check) => check.passed)]));
  const measured = new Set([...Object.keys(input.candidate), ...passed.keys()]);
  return {
    outcome: failed.length > 0 ? 'fail' : input.champion === null ? 'first' : 'pass',
    reasons: (failed.length > 0 ? failed : checks).map(({ reason }) => reason),
    metrics: Object.fromEntries(
      [...measured].map((name) => [name, judgement(name, input, passed.get(name) ?? null)]),
    ),
  };
}

const against = (reason: string): Check => ({ passed: false, reason });

function checkMetric(name: string, rule: MetricRule, input: GateInput): Check[] {
  const { metrics } = taskNamed(input.task);
  if (!Object.hasOwn(metrics, name)) {
    const known = Object.keys(metrics).join(', ');
    return [against(`${name} is not a metric that is computed: use one of ${known} under evaluate.metrics`)];
  }
  const value = numberIn(input.candidate, name);
  if (value === null) {
    return [
      against(
        `${name} of the candidate is missing or not a number: evaluate it again, or check what it predicts`,
      ),
    ];
  }
  const { min, max, tolerance } = rule;
  if (min === undefined && max === undefined && tolerance === undefined) {
    return [against(`${name} has no rule: give it min, max or tolerance under evaluate.metrics`)];
  }
  const compared = input.champion !== null && tolerance !== undefined;
  return [
    ...checkFloor(name, value, 'min', min),
    ...checkFloor(name, value, 'max', max),
    compared ? checkTolerance(name, value, tolerance, input) : uncompared(name, value, input.champion),
  ];
}

function checkFloor(name: string, value: number, side: 'min' | 'max', limit: number | undefined): Check[] {
  if (limit === undefined) return [];
  if (!Number.isFinite(limit)) return [against(`${name} has a ${side} that is not a number: correct it`)];
  const passed = side === 'min' ? value >= limit : value <= limit;
  const relation = passed ? 'holds' : side === 'min' ? 'is below' : 'is above';
  return [{ passed, reason: `${name} ${figureBeside(value, limit)} ${relation} the ${side} ${limit}` }];
}

function uncompared(name: string, value: number, champion: GateInput['champion']): Check {
  const why = champion === null ? 'there is no champion yet' : 'no tolerance is set';
  return { passed: true, reason: `${name} ${figure(value)} was not compared: ${why}` };
}

function checkTolerance(name: string, value: number, tolerance: Tolerance, input: GateInput): Check {
  if (!(tolerance.value >= 0 && tolerance.value < Number.POSITIVE_INFINITY)) {
    return against(`${name} has a tolerance that is not a number of at least 0: correct it`);
  }
  const reference = numberIn(input.champion ?? {}, name);
  if (reference === null) {
    return against(`${name} of the champion is missing or not a number: evaluate the champion again`);
  }
  const interval = Object.hasOwn(input.intervals, name) ? input.intervals[name] : null;
  const relative = tolerance.kind === 'relative';
  if (!interval || !(interval.lower <= interval.upper) || !Number.isFinite(interval.lower)) {
    return against(
      `${name} has no interval of its improvement: evaluate again${relative ? ', or set an absolute tolerance' : ''}`,
    );
  }
  if (interval.relative !== relative) {
    return against(
      `the interval of ${name} is ${interval.relative ? 'relative' : 'absolute'} for a tolerance that is ${tolerance.kind}: evaluate again`,
    );
  }
  const passed = interval.lower >= -tolerance.value;
  const better = improvementOf(input, name, value, reference);
  return { passed, reason: comparison(name, value, reference, better, interval, tolerance.value) };
}

function comparison(
  name: string,
  value: number,
  reference: number,
  better: number,
  interval: Interval,
  allowed: number,
): string {
  const { lower, upper, level, relative } = interval;
  const difference = figure(Math.abs(better));
  const share = relative && reference !== 0 ? ` (${percent(Math.abs(better / reference))})` : '';
  const verdict = better === 0 ? 'the same' : `${better > 0 ? 'better' : 'worse'} by ${difference}${share}`;
  const ends = relative ? [percent(lower), percent(upper)] : [figureBeside(lower, -allowed), figure(upper)];
  const limit = relative ? percent(allowed) : String(allowed);
  return `${name} ${figureBeside(value, reference)} against ${figure(reference)}: ${verdict}, ${percent(level)} interval [${ends.join(', ')}], allowed loss ${limit}`;
}

function checkSize({ rules, sizeBytes }: GateInput): Check[] {
  const limit = rules.budget.size;
  if (limit === undefined) return [];
  if (!Number.isFinite(limit))
    return [against('the size budget is not a number: correct evaluate.budget.size')];
  if (sizeBytes === null || !(sizeBytes >= 0)) {
    return [against('the size of the candidate is missing: evaluate it again')];
  }
  const passed = sizeBytes <= limit;
  const relation = passed ? 'within' : 'over';
  return [
    {
      passed,
      reason: `size ${bytes(sizeBytes)} (${sizeBytes} bytes) is ${relation} the budget of ${bytes(limit)}`,
    },
  ];
}

function judgement(name: string, input: GateInput, passed: boolean | null): MetricJudgement {
  const candidate = numberIn(input.candidate, name);
  const champion = input.champion === null ? null : numberIn(input.champion, name);
  const rule = Object.hasOwn(input.rules.metrics, name) ? input.rules.metrics[name] : undefined;
  const { min, max } = rule ?? {};
  const floor = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  return {
    candidate,
    champion,
    improvement:
      candidate === null || champion === null ? null : improvementOf(input, name, candidate, champion),
    interval: (Object.hasOwn(input.intervals, name) ? input.intervals[name] : null) ?? null,
    tolerance: rule?.tolerance ?? null,
    floor: min === undefined && max === undefined ? null : floor,
    passed,
  };
}

function improvementOf(
  { task }: Pick<GateInput, 'task'>,
  name: string,
  candidate: number,
  champion: number,
): number {
  const { metrics } = taskNamed(task);
  const direction = (Object.hasOwn(metrics, name) ? metrics[name]?.direction : undefined) ?? 'maximise';
  return improvement(direction, champion, candidate, false);
}

function numberIn(values: Record<string, number | null>, name: string): number | null {
  const value = Object.hasOwn(values, name) ? values[name] : null;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
