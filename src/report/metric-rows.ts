import { figure, type MetricJudgement, percent, type Verdict } from '../evaluation/index.ts';

/** More metrics than any task has. */
const MOST_METRICS = 30;

export type MetricRow = [name: string, judgement: MetricJudgement];

/** The metrics that a rule names, in the order of the rules, and all others. */
export function metricRows({ metrics, rules }: Verdict): { ruled: MetricRow[]; others: MetricRow[] } {
  const named = Object.keys(rules.metrics);
  const ruled = named.flatMap((name): MetricRow[] => {
    const judgement = Object.hasOwn(metrics, name) ? metrics[name] : undefined;
    return judgement === undefined ? [] : [[name, judgement]];
  });
  const others = Object.entries(metrics).filter(([name]) => !named.includes(name));
  return { ruled: ruled.slice(0, MOST_METRICS), others: others.slice(0, MOST_METRICS) };
}

/** What is folded away. */
export const othersTitle = (others: readonly MetricRow[]): string =>
  others.length === 1 ? 'One metric that no rule names' : `${others.length} metrics that no rule names`;

/** The improvement and its interval: `+0.021 [0.005, 0.037]`. */
export function difference({
  improvement,
  interval,
  champion,
}: Pick<MetricJudgement, 'improvement' | 'interval' | 'champion'>): string {
  if (improvement === null) return '–';
  const share =
    interval?.relative && champion !== null && champion !== 0
      ? ` (${signed(improvement / Math.abs(champion), percent)})`
      : '';
  if (interval === null) return signed(improvement, figure);
  const write = interval.relative ? percent : figure;
  return `${signed(improvement, figure)}${share} [${write(interval.lower)}, ${write(interval.upper)}]`;
}

/** What the rule asks: `min 0.85, loss 0.02`. */
export function allowed({ tolerance, floor }: Pick<MetricJudgement, 'tolerance' | 'floor'>): string {
  const parts = [
    floor?.min === undefined ? [] : [`min ${floor.min}`],
    floor?.max === undefined ? [] : [`max ${floor.max}`],
    tolerance === null
      ? []
      : [`loss ${tolerance.kind === 'relative' ? percent(tolerance.value) : String(tolerance.value)}`],
  ].flat();
  return parts.length === 0 ? '–' : parts.join(', ');
}

/** A value that may be missing. */
export function shown(value: number | null): string {
  return value === null ? '–' : figure(value);
}

/** A value with its sign, also where it is above zero. */
export function signed(value: number, write: (value: number) => string): string {
  return value > 0 ? `+${write(value)}` : write(value);
}
