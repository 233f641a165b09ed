import { figure, type Predictions } from '../../evaluation/index.ts';
import type { PlotFacts } from '../facts.ts';
import { binIn, innerRange } from './quantiles.ts';
import { at, type Frame, figureOf, legend, place, plot, plotFrame, polyline } from './svg.ts';

const BINS = 40;
const CELLS = 30;
/** Shades of a cell, by the logarithm of its rows. */
const SHADES = 6;

type Range = [number, number];

/** Predicted minus true. */
export function residualsOf({ labels, predicted }: Predictions): Float64Array {
  return labels.map((truth, row) => (predicted[row] ?? Number.NaN) - truth);
}

/** Share of the weight in each of equal bins. */
export function histogramOf(
  values: Float64Array,
  weights: Float64Array | undefined,
  range: Range,
  bins: number,
): Float64Array {
  const sums = new Float64Array(bins);
  let total = 0;
  for (let row = 0; row < values.length; row++) {
    const bin = binIn(range, bins, values[row] ?? Number.NaN);
    if (bin < 0) continue;
    const weight = weights === undefined ? 1 : (weights[row] ?? 0);
    sums[bin] = (sums[bin] ?? 0) + weight;
    total += weight;
  }
  return total > 0 ? sums.map((sum) => sum / total) : sums;
}

/** How far both models are off, as histograms over each other. */
export function residualsFigure({ candidate, champion }: PlotFacts): string {
  const ours = residualsOf(candidate);
  const theirs = champion === null ? undefined : residualsOf(champion);
  const range = innerRange(ours, ...(theirs === undefined ? [] : [theirs]));
  const bars = histogramOf(ours, candidate.weights, range, BINS);
  const outline = theirs && histogramOf(theirs, champion?.weights, range, BINS);
  const highest = Math.max(...bars, ...(outline ?? []));
  const frame = plotFrame(range, [0, highest > 0 ? highest * 1.05 : 1]);
  const zero = at(place(frame.x, 0));
  const drawn = [
    steps('candidate-area', frame, bars),
    outline === undefined ? '' : steps('champion', frame, outline),
    range[0] < 0 && range[1] > 0
      ? `<line class="reference" x1="${zero}" x2="${zero}" y1="${frame.y.start}" y2="${frame.y.end}"/>`
      : '',
  ];
  const picture = plot(
    frame,
    { x: 'predicted minus true', y: 'share of the rows' },
    `Histogram of the residuals between ${figure(range[0])} and ${figure(range[1])}; the candidate's are ${figure(biasOf(candidate))} in the mean${champion === null ? '' : `, the champion's ${figure(biasOf(champion))}`}`,
    drawn.join(''),
  );
  const caption = legend([
    { kind: 'candidate-area', sample: 'area', text: `candidate, mean ${figure(biasOf(candidate))}` },
    ...(champion === null
      ? []
      : [{ kind: 'champion', sample: 'line' as const, text: `champion, mean ${figure(biasOf(champion))}` }]),
    { kind: 'reference', sample: 'line', text: 'no error' },
  ]);
  return figureOf('Residuals', picture, `${caption}<p>The outermost bins hold all that lies beyond.</p>`);
}

function biasOf(predictions: Predictions): number {
  const residuals = residualsOf(predictions);
  let [sum, total] = [0, 0];
  for (let row = 0; row < residuals.length; row++) {
    const weight = predictions.weights === undefined ? 1 : (predictions.weights[row] ?? 0);
    sum += weight * (residuals[row] ?? 0);
    total += weight;
  }
  return sum / total;
}

function steps(kind: string, { x, y }: Frame, heights: Float64Array): string {
  const wide = (x.end - x.start) / heights.length;
  const path = Array.from(heights, (height) => `V${at(place(y, height))}h${at(wide)}`).join('');
  return `<path class="${kind}" d="M${x.start} ${y.start}${path}V${y.start}Z"/>`;
}

/** Where the candidate's predictions lie beside the truth; the stronger the colour, the more rows. */
export function predictedFigure({ candidate }: PlotFacts): string {
  const range = innerRange(candidate.labels, candidate.predicted);
  const frame = plotFrame(range, range);
  const cells = densityOf(candidate, range, CELLS);
  const most = Math.max(...cells);
  const [wide, high] = [(frame.x.end - frame.x.start) / CELLS, (frame.y.start - frame.y.end) / CELLS];
  const paths: string[] = Array.from({ length: SHADES }, () => '');
  for (const [cell, sum] of cells.entries()) {
    if (!(sum > 0)) continue;
    const shade = Math.min(SHADES - 1, Math.floor((SHADES * Math.log1p(sum)) / Math.log1p(most)));
    const left = frame.x.start + (cell % CELLS) * wide;
    const top = frame.y.start - (Math.floor(cell / CELLS) + 1) * high;
    paths[shade] += `M${at(left)} ${at(top)}h${at(wide)}v${at(high)}h-${at(wide)}Z`;
  }
  const drawn = paths.map((path, shade) => (path === '' ? '' : `<path class="shade${shade}" d="${path}"/>`));
  const diagonal = polyline('reference', frame, [
    [range[0], range[0]],
    [range[1], range[1]],
  ]);
  const picture = plot(
    frame,
    { x: 'true', y: 'predicted by the candidate' },
    `Predictions of the candidate against the truth, both between ${figure(range[0])} and ${figure(range[1])}, as a map of how many rows lie where`,
    `${drawn.join('')}${diagonal}`,
  );
  const caption = legend([
    { kind: 'shade5', sample: 'area', text: `many rows (up to ${figure(most)} in a cell)` },
    { kind: 'shade1', sample: 'area', text: 'few rows' },
    { kind: 'reference', sample: 'line', text: 'no error' },
  ]);
  return figureOf('Predicted and true', picture, caption);
}

/** Weight in each of side x side cells, row-major: the lowest predictions first, in each row the lowest truths first. */
export function densityOf(
  { rows, labels, predicted, weights }: Predictions,
  range: Range,
  side: number,
): Float64Array {
  const cells = new Float64Array(side * side);
  for (let row = 0; row < rows; row++) {
    const across = binIn(range, side, labels[row] ?? Number.NaN);
    const up = binIn(range, side, predicted[row] ?? Number.NaN);
    if (across < 0 || up < 0) continue;
    const cell = up * side + across;
    cells[cell] = (cells[cell] ?? 0) + (weights === undefined ? 1 : (weights[row] ?? 0));
  }
  return cells;
}
