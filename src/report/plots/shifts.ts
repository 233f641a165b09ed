import { figure, percent } from '../../evaluation/index.ts';
import { shortened } from '../html-escape.ts';
import { highestShare, type ShareBin, type ShiftedFeature } from '../largest-shifts.ts';
import { at, drawing, figureOf } from './svg.ts';

const WIDTH = 360;
const ROW = 30;
const LABEL = 118;
const VALUE = 54;
const NAME_LENGTH = 15;

/** One feature: for each bin its share of the champion's training data over its share now. */
export function shiftFigure({ column, psi, bins }: ShiftedFeature): string {
  const highest = highestShare(bins);
  const rows = bins.map((bin, index) => pairOfBars(bin, index * ROW, bin.rest ? 0 : highest));
  const words = bins.map(
    ({ name, expected, found }) => `${name} ${percent(expected)}, now ${percent(found)}`,
  );
  const picture =
    bins.length === 0
      ? '<p>Its bins are not known.</p>'
      : drawing('plot', WIDTH, bins.length * ROW, `Shares of ${column}: ${words.join('; ')}`, rows.join(''));
  return figureOf(`${column}: PSI ${figure(psi)}`, picture, '');
}

/** `highest` is the share of the longest bar; 0 draws none. */
function pairOfBars({ name, expected, found }: ShareBin, top: number, highest: number): string {
  const bars = [
    { kind: 'expected', share: expected, y: top + 3 },
    { kind: 'found', share: found, y: top + 15 },
  ].map(({ kind, share, y }) => {
    const length = highest === 0 ? 0 : ((WIDTH - LABEL - VALUE) * share) / highest;
    const bar = `<rect class="${kind}" x="${LABEL}" y="${y}" width="${at(length)}" height="10"/>`;
    return `${highest === 0 ? '' : bar}<text class="small" x="${at(LABEL + length + 5)}" y="${y + 9}">${percent(share)}</text>`;
  });
  return `<text x="${LABEL - 8}" y="${top + 19}" text-anchor="end">${shortened(name, NAME_LENGTH)}</text>${bars.join('')}`;
}
