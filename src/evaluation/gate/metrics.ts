import { improvement } from '../bootstrap.ts';
import { figure, figureBeside, levelText, percent } from '../figures.ts';
import { taskNamed } from '../tasks/tasks.ts';
import { against, type Check, fine, numberIn } from './check.ts';
import type { GateInput } from './input.ts';
import type { Interval, MetricJudgement, MetricRule, Tolerance } from './record.ts';

/** Floors, and with a champion the tolerance, of one configured metric. */
export function checkMetric(name: string, rule: MetricRule, input: GateInput): Check[] {
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
  const { champion } = input;
  return [
    ...checkFloor(name, value, 'min', min),
    ...checkFloor(name, value, 'max', max),
    champion === null || tolerance === undefined
      ? uncompared(name, value, input)
      : checkTolerance(name, value, tolerance, { ...input, champion }),
  ];
}

function checkFloor(name: string, value: number, side: 'min' | 'max', limit: number | undefined): Check[] {
  if (limit === undefined) return [];
  if (!Number.isFinite(limit)) return [against(`${name} has a ${side} that is not a number: correct it`)];
  const passed = side === 'min' ? value >= limit : value <= limit;
  const relation = passed ? 'holds' : side === 'min' ? 'is below' : 'is above';
  return [{ passed, reason: `${name} ${figureBeside(value, limit)} ${relation} the ${side} ${limit}` }];
}

function uncompared(name: string, value: number, { champion, notComparable }: GateInput): Check {
  const why =
    notComparable !== null
      ? 'no comparison with the champion was possible'
      : champion === null
        ? 'there is no champion yet'
        : 'no tolerance is set';
  return fine(`${name} ${figure(value)} was not compared: ${why}`);
}

function checkTolerance(
  name: string,
  value: number,
  tolerance: Tolerance,
  input: GateInput & { champion: Record<string, number | null> },
): Check {
  const wrong = wrongTolerance(name, tolerance);
  if (wrong !== undefined) return wrong;
  const reference = numberIn(input.champion, name);
  if (reference === null) {
    return against(`${name} of the champion is missing or not a number: evaluate the champion again`);
  }
  const recorded = Object.hasOwn(input.intervals, name) ? input.intervals[name] : null;
  const interval = soundInterval(name, recorded, tolerance);
  if ('passed' in interval) return interval;
  const passed = interval.lower >= -tolerance.value;
  const better = improvementOf(input, name, value, reference);
  return { passed, reason: comparison(name, value, reference, better, interval, tolerance.value) };
}

export function wrongTolerance(name: string, { value }: Tolerance): Check | undefined {
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return undefined;
  return against(`${name} has a tolerance that is not a number of at least 0: correct it`);
}

/** The interval of an improvement, or what is wrong with it. */
export function soundInterval(
  name: string,
  interval: Interval | null | undefined,
  tolerance: Tolerance,
): Interval | Check {
  const relative = tolerance.kind === 'relative';
  if (!interval || !(interval.lower <= interval.upper) || !Number.isFinite(interval.lower)) {
    return against(
      `${name} has no interval of its improvement: evaluate again${relative ? ', or set an absolute tolerance' : ''}`,
    );
  }
  if (interval.relative === relative) return interval;
  return against(
    `the interval of ${name} is ${interval.relative ? 'relative' : 'absolute'} for a tolerance that is ${tolerance.kind}: evaluate again`,
  );
}

/** One sentence: both values, the difference, its interval, and what is allowed. */
export function comparison(
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
  const limit = relative ? percent(allowed) : figure(allowed);
  return `${name} ${figureBeside(value, reference)} against ${figure(reference)}: ${verdict}, ${levelText(level)} interval [${ends.join(', ')}], allowed loss ${limit}`;
}

/** What is recorded of one metric. */
export function metricJudgement(name: string, input: GateInput, passed: boolean | null): MetricJudgement {
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

/** Positive: the candidate is better, whichever way the metric goes. */
export function improvementOf(
  { task }: Pick<GateInput, 'task'>,
  name: string,
  candidate: number,
  champion: number,
): number {
  const { metrics } = taskNamed(task);
  const direction = (Object.hasOwn(metrics, name) ? metrics[name]?.direction : undefined) ?? 'maximise';
  return improvement(direction, champion, candidate, false);
}
