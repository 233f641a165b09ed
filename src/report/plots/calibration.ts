import { figure, ofClassOne, type Predictions } from '../../evaluation/index.ts';
import type { PlotFacts } from '../facts.ts';
import { shortened } from '../html-escape.ts';
import { at, compact, type Frame, figureOf, legend, place, plot, plotFrame, polyline } from './svg.ts';

const BINS = 10;
const CLASS_LENGTH = 20;
/** The counts stand under the diagonal's start, where no curve is. */
const COUNT_HEIGHT = 40;

/** Rows whose probability of class 1 lies in one tenth; means weighted, NaN when there are none. */
export interface CalibrationBin {
  rows: number;
  probability: number;
  /** Of class 1. */
  share: number;
}

/** A reliability diagram's ten bins of equal width (Niculescu-Mizil and Caruana 2005), a limit belonging to the bin below. */
export function calibrationOf(predictions: Predictions): CalibrationBin[] {
  const { labels, weights } = predictions;
  const counts = new Uint32Array(BINS);
  const [totals, probabilities, ones] = [0, 0, 0].map(() => new Float64Array(BINS));
  if (totals === undefined || probabilities === undefined || ones === undefined) return [];
  for (const [row, probability] of ofClassOne(predictions).entries()) {
    const bin = Math.max(0, Math.ceil(probability * BINS) - 1);
    if (!(bin < BINS)) continue;
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    counts[bin] = (counts[bin] ?? 0) + 1;
    totals[bin] = (totals[bin] ?? 0) + weight;
    probabilities[bin] = (probabilities[bin] ?? 0) + weight * probability;
    ones[bin] = (ones[bin] ?? 0) + (labels[row] === 1 ? weight : 0);
  }
  return Array.from(counts, (count, bin) => ({
    rows: count,
    probability: (probabilities[bin] ?? 0) / (totals[bin] ?? 0),
    share: (ones[bin] ?? 0) / (totals[bin] ?? 0),
  }));
}

/** Reliability diagrams of both models, and how many rows the candidate's bins hold. */
export function calibrationFigure({ candidate, champion }: PlotFacts): string {
  const frame = plotFrame([0, 1], [0, 1]);
  const ours = calibrationOf(candidate);
  const line = (kind: string, bins: readonly CalibrationBin[]): string => curve(kind, frame, bins);
  const drawn = [
    countBars(frame, ours),
    polyline('reference', frame, [
      [0, 0],
      [1, 1],
    ]),
    champion === null ? '' : line('champion', calibrationOf(champion)),
    line('candidate', ours),
  ];
  const one = candidate.classes[1] ?? '1';
  const words = ours.flatMap(({ rows, probability, share }) =>
    Number.isNaN(share) ? [] : [`${figure(probability)} came true in ${figure(share)} of ${rows} rows`],
  );
  const picture = plot(
    frame,
    { x: `probability of ${shortened(one, CLASS_LENGTH)}`, y: `share of ${shortened(one, CLASS_LENGTH)}` },
    `Calibration of the candidate for ${one}: ${words.join('; ')}`,
    drawn.join(''),
  );
  return figureOf(
    'Calibration',
    picture,
    `${legend([
      { kind: 'candidate', sample: 'line', text: 'candidate' },
      ...(champion === null ? [] : [{ kind: 'champion', sample: 'line' as const, text: 'champion' }]),
      { kind: 'reference', sample: 'line', text: 'perfectly calibrated' },
      { kind: 'count', sample: 'area', text: "rows in each of the candidate's ten bins" },
    ])}`,
  );
}

function curve(kind: string, frame: Frame, bins: readonly CalibrationBin[]): string {
  const points = bins.flatMap(({ probability, share }): [number, number][] =>
    Number.isNaN(share) ? [] : [[probability, share]],
  );
  const dots = points.map(
    ([x, y]) => `<circle class="${kind}" cx="${at(place(frame.x, x))}" cy="${at(place(frame.y, y))}" r="4"/>`,
  );
  return `${polyline(kind, frame, points)}${dots.join('')}`;
}

function countBars({ x, y }: Frame, bins: readonly CalibrationBin[]): string {
  const most = Math.max(1, ...bins.map(({ rows }) => rows));
  const wide = (x.end - x.start) / BINS;
  return bins
    .map(({ rows }, bin) => {
      const height = (COUNT_HEIGHT * rows) / most;
      const left = x.start + bin * wide;
      const bar = `<rect class="count" x="${at(left + 2)}" y="${at(y.start - height)}" width="${at(wide - 4)}" height="${at(height)}"/>`;
      const text = `<text class="small" x="${at(left + wide / 2)}" y="${at(y.start - height - 3)}" text-anchor="middle">${compact(rows)}</text>`;
      return rows === 0 ? '' : `${bar}${text}`;
    })
    .join('');
}
