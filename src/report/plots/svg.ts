import { escaped } from '../html-escape.ts';

/** A range of values, and the pixels that it is drawn on. */
export interface Axis {
  from: number;
  to: number;
  start: number;
  end: number;
}

/** Where the axes of a plot stand, in the units of its view box. */
export interface Frame {
  x: Axis;
  y: Axis;
}

export const PLOT_WIDTH = 440;
export const PLOT_HEIGHT = 340;

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** A number as short as an axis needs it: `0.25`, `1.2M`. */
export const compact = (value: number): string => COMPACT.format(value).replace(/^-(?=0$)/, '');

/** A frame with room for the figures of both axes and a title under the x axis. */
export function plotFrame(x: readonly [number, number], y: readonly [number, number]): Frame {
  return {
    x: { from: x[0], to: x[1], start: 58, end: PLOT_WIDTH - 14 },
    y: { from: y[0], to: y[1], start: PLOT_HEIGHT - 48, end: 14 },
  };
}

/** A drawing that scales with its page. `label` says in words what there is to see. */
export function drawing(kind: string, width: number, height: number, label: string, content: string): string {
  return `<svg class="${kind}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(label, 600)}">${content}</svg>`;
}

/** A plot of the usual size with its axes, whose titles are HTML. */
export function plot(frame: Frame, titles: { x: string; y: string }, label: string, content: string): string {
  return drawing('plot', PLOT_WIDTH, PLOT_HEIGHT, label, `${axes(frame, titles)}${content}`);
}

/** Where a value lies, clamped to the axis. */
export function place({ from, to, start, end }: Axis, value: number): number {
  const share = to === from ? 0.5 : (value - from) / (to - from);
  return start + Math.min(1, Math.max(0, share)) * (end - start);
}

/** A coordinate with one decimal, which is finer than any screen. */
export const at = (coordinate: number): string => String(Number(coordinate.toFixed(1)));

/** A line through these points. */
export function polyline(
  kind: string,
  { x, y }: Frame,
  points: readonly (readonly [number, number])[],
): string {
  const path = points.map(([a, b]) => `${at(place(x, a))},${at(place(y, b))}`).join(' ');
  return `<polyline class="${kind}" points="${path}"/>`;
}

/** About five round numbers within a range. */
export function ticks(from: number, to: number): number[] {
  const rough = (to - from) / 5;
  if (!(rough > 0) || !Number.isFinite(rough)) return [from];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

function axes({ x, y }: Frame, titles: { x: string; y: string }): string {
  const columns = ticks(x.from, x.to).map((value) => {
    const left = at(place(x, value));
    return `<line class="grid" x1="${left}" x2="${left}" y1="${y.start}" y2="${y.end}"/><text x="${left}" y="${y.start + 18}" text-anchor="middle">${compact(value)}</text>`;
  });
  const rows = ticks(y.from, y.to).map((value) => {
    const top = place(y, value);
    return `<line class="grid" x1="${x.start}" x2="${x.end}" y1="${at(top)}" y2="${at(top)}"/><text x="${x.start - 6}" y="${at(top + 4)}" text-anchor="end">${compact(value)}</text>`;
  });
  const middle = { x: (x.start + x.end) / 2, y: (y.start + y.end) / 2 };
  return `${columns.join('')}${rows.join('')}<text x="${middle.x}" y="${y.start + 38}" text-anchor="middle">${titles.x}</text><text transform="translate(13 ${middle.y}) rotate(-90)" text-anchor="middle">${titles.y}</text>`;
}

/** What a line or an area stands for, said beside a sample of it. */
export function legend(entries: readonly { kind: string; sample: 'line' | 'area'; text: string }[]): string {
  const items = entries.map(({ kind, sample, text }) => {
    const drawn =
      sample === 'line'
        ? `<line class="${kind}" x1="0" x2="28" y1="7" y2="7"/>`
        : `<rect class="${kind}" x="1" y="2" width="26" height="10"/>`;
    return `<li><svg class="sample" viewBox="0 0 28 14" aria-hidden="true">${drawn}</svg> ${escaped(text)}</li>`;
  });
  return `<ul class="legend">${items.join('')}</ul>`;
}

/** A picture under its title; `caption` is HTML. */
export function figureOf(title: string, picture: string, caption: string): string {
  return `<figure><h3>${escaped(title)}</h3>${picture}<figcaption>${caption}</figcaption></figure>`;
}
