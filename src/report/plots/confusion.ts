import { figure, predictedClasses, type Predictions } from '../../evaluation/index.ts';
import type { PlotFacts } from '../facts.ts';
import { shortened } from '../html-escape.ts';
import { figureOf } from './svg.ts';

const MOST_CLASSES = 20;
const SHADES = 6;
const CLASS_LENGTH = 18;
/** Longer names stand upright over their columns. */
const UPRIGHT_FROM = 4;
/** Two matrices of more classes have no room beside each other. */
const SIDE_BY_SIDE = 7;

/** How much of each class was taken for which, by weight. */
export interface Confusion {
  /** Indices of the classes, ascending. */
  classes: number[];
  /** Row-major: true class, predicted class. */
  cells: Float64Array;
}

/** The classes that are confused most, at most twenty; all of them when there are no more. */
export function mostConfused(predictions: Predictions): number[] {
  const { labels, width, weights } = predictions;
  const said = predictedClasses(predictions);
  const wrong = new Float64Array(Math.max(width, predictions.classes.length));
  for (let row = 0; row < labels.length; row++) {
    const [truth, guess] = [labels[row] ?? 0, said[row] ?? 0];
    const weight = truth === guess ? 0 : weights === undefined ? 1 : (weights[row] ?? 0);
    wrong[truth] = (wrong[truth] ?? 0) + weight;
    wrong[guess] = (wrong[guess] ?? 0) + weight;
  }
  return [...wrong.keys()]
    .toSorted((a, b) => (wrong[b] ?? 0) - (wrong[a] ?? 0) || a - b)
    .slice(0, MOST_CLASSES)
    .toSorted((a, b) => a - b);
}

/** The confusion matrix over some classes; rows of, or taken for, another class are left out. */
export function confusionOf(predictions: Predictions, classes: number[]): Confusion {
  const { labels, weights } = predictions;
  const said = predictedClasses(predictions);
  const indexOf = new Map(classes.map((name, index) => [name, index]));
  const cells = new Float64Array(classes.length ** 2);
  for (let row = 0; row < labels.length; row++) {
    const [truth, guess] = [indexOf.get(labels[row] ?? -1), indexOf.get(said[row] ?? -1)];
    if (truth === undefined || guess === undefined) continue;
    const cell = truth * classes.length + guess;
    cells[cell] = (cells[cell] ?? 0) + (weights === undefined ? 1 : (weights[row] ?? 0));
  }
  return { classes, cells };
}

/** The candidate's confusion matrix, and what became of the champion's. */
export function confusionFigures({ candidate, champion }: PlotFacts): string[] {
  const ours = confusionOf(candidate, mostConfused(candidate));
  const names = ours.classes.map((index) => candidate.classes[index] ?? String(index));
  const left = candidate.classes.length - names.length;
  const some = left > 0 ? ` The ${names.length} most confused of ${candidate.classes.length} classes.` : '';
  const shares = ours.cells.map((cell, index) => cell / sumOfRow(ours, index));
  const matrix = matrixTable(names, ours, (index) => ({
    text: ours.cells[index] === 0 ? '' : figure(ours.cells[index] ?? 0),
    kind: `shade${shadeOf(shares[index] ?? 0)}`,
  }));
  const caption = `<p>Rows are the truth, columns what the candidate said; the stronger the colour, the larger the share of its row.${some}</p>`;
  const first = figureOf('Confusion matrix', matrix, caption);
  if (champion === null) return [first];
  return [first, changeFigure(names, ours, confusionOf(champion, ours.classes))];
}

function changeFigure(names: readonly string[], ours: Confusion, theirs: Confusion): string {
  const { length } = ours.classes;
  const changes = ours.cells.map((cell, index) => cell - (theirs.cells[index] ?? 0));
  const largest = Math.max(1, ...changes.map(Math.abs));
  const table = matrixTable(names, ours, (index) => {
    const change = changes[index] ?? 0;
    const right = Math.floor(index / length) === index % length;
    if (change === 0) return { text: '', kind: 'shade0' };
    const kind = change > 0 === right ? 'good' : 'bad';
    return {
      text: `${change > 0 ? '+' : ''}${figure(change)}${kind === 'bad' ? ' ▾' : ''}`,
      kind: `${kind}${Math.abs(change) > largest / 2 ? ' strong' : ''}`,
    };
  });
  return figureOf(
    'Change against the champion',
    table,
    '<p>Rows more or fewer than the champion has in each cell; ▾ marks a change for the worse: fewer right ones on the diagonal, more wrong ones beside it.</p>',
  );
}

function matrixTable(
  names: readonly string[],
  { classes }: Confusion,
  cell: (index: number) => { text: string; kind: string },
): string {
  const heads = names.map((name) => `<th scope="col"><span>${shortened(name, CLASS_LENGTH)}</span></th>`);
  const upright = names.some((name) => name.length > UPRIGHT_FROM) ? ' upright' : '';
  const large = names.length > SIDE_BY_SIDE ? ' large' : '';
  const rows = names.map((name, row) => {
    const cells = classes.map((_, column) => {
      const { text, kind } = cell(row * classes.length + column);
      return `<td class="${kind}">${text}</td>`;
    });
    return `<tr><th scope="row">${shortened(name, CLASS_LENGTH)}</th>${cells.join('')}</tr>`;
  });
  return `<div class="wide" tabindex="0" role="region" aria-label="matrix of classes"><table class="matrix${upright}${large}"><thead><tr><th scope="col">true ↓ said →</th>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function sumOfRow({ classes, cells }: Confusion, index: number): number {
  const start = Math.floor(index / classes.length) * classes.length;
  return cells.subarray(start, start + classes.length).reduce((sum, cell) => sum + cell, 0) || 1;
}

function shadeOf(share: number): number {
  return share <= 0 ? 0 : Math.min(SHADES - 1, 1 + Math.floor(share * (SHADES - 1)));
}
