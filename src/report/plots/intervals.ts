import type { MetricJudgement } from '../../evaluation/index.ts';
import { at, type Axis, drawing, place } from './svg.ts';

const WIDTH = 180;
const HEIGHT = 30;
const MIDDLE = HEIGHT / 2;

/**
 * An improvement and its interval on one line, against zero and the allowed loss, in the interval's unit. Empty when
 * nothing was compared. `words` says the same.
 */
export function intervalPlot(
  { improvement, interval, champion }: Pick<MetricJudgement, 'improvement' | 'interval' | 'champion'>,
  tolerance: number | null,
  words: string,
): string {
  if (improvement === null || interval === null) return '';
  const unit = interval.relative && champion !== null && champion !== 0 ? Math.abs(champion) : 1;
  const value = improvement / unit;
  const ends = [0, interval.lower, interval.upper, value, ...(tolerance === null ? [] : [-tolerance])];
  const [from, to] = [Math.min(...ends), Math.max(...ends)];
  const axis: Axis = { from, to, start: 8, end: WIDTH - 8 };
  const x = (given: number): string => at(place(axis, given));
  const upright = (kind: string, given: number): string =>
    `<line class="${kind}" x1="${x(given)}" x2="${x(given)}" y1="2" y2="${HEIGHT - 2}"/>`;
  const wrong = tolerance !== null && interval.lower < -tolerance;
  const drawn = [
    upright('zero', 0),
    tolerance === null ? '' : upright('limit', -tolerance),
    `<line class="interval${wrong ? ' worse' : ''}" x1="${x(interval.lower)}" x2="${x(interval.upper)}" y1="${MIDDLE}" y2="${MIDDLE}"/>`,
    ...[interval.lower, interval.upper].map(
      (end) =>
        `<line class="interval${wrong ? ' worse' : ''}" x1="${x(end)}" x2="${x(end)}" y1="${MIDDLE - 5}" y2="${MIDDLE + 5}"/>`,
    ),
    `<circle class="candidate" cx="${x(value)}" cy="${MIDDLE}" r="4"/>`,
  ];
  return drawing('interval-plot', WIDTH, HEIGHT, words, drawn.join(''));
}
