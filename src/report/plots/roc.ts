import { figure, ofClassOne, type Predictions } from '../../evaluation/index.ts';
import type { PlotFacts } from '../facts.ts';
import { figureOf, legend, plot, plotFrame, polyline } from './svg.ts';

/** A receiver operating characteristic, from (0, 0) to (1, 1), and the area under all of it. */
export interface Roc {
  /** False positive rate and true positive rate, at most 200 points. */
  points: [number, number][];
  auc: number;
}

/** Half a per cent of the plot's border is less than the line is wide; it leaves at most 200 points. */
const STEP = 2 / 95;

/**
 * The ROC curve (Fawcett 2006), each row counting by its weight, rows of the same probability at once. `undefined` when
 * one class is missing. Thinned: a point is left out only when its neighbours lie closer than 2 % of the way together.
 */
export function rocOf(predictions: Predictions): Roc | undefined {
  const { rows, labels, weights } = predictions;
  const scores = ofClassOne(predictions);
  const order = Uint32Array.from(scores, (_, row) => row);
  order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const weightOf = (row: number): number => (weights === undefined ? 1 : (weights[row] ?? 0));
  let [positives, negatives] = [0, 0];
  for (let row = 0; row < rows; row++) {
    if (labels[row] === 1) positives += weightOf(row);
    else negatives += weightOf(row);
  }
  if (!(positives > 0) || !(negatives > 0)) return undefined;
  const points: [number, number][] = [[0, 0]];
  let [x, y, hits, alarms, area] = [0, 0, 0, 0, 0];
  for (let at = 0; at < rows; at++) {
    const row = order[at] ?? 0;
    if (labels[row] === 1) hits += weightOf(row);
    else alarms += weightOf(row);
    const next = order[at + 1];
    if (next !== undefined && scores[next] === scores[row]) continue;
    const [nextX, nextY] = [alarms / negatives, hits / positives];
    area += ((nextX - x) * (nextY + y)) / 2;
    const [lastX, lastY] = points.at(-1) ?? [0, 0];
    if (nextX - lastX + nextY - lastY > STEP && (x !== lastX || y !== lastY)) points.push([x, y]);
    [x, y] = [nextX, nextY];
  }
  points.push([1, 1]);
  return { points, auc: area };
}

/** ROC curves of both models. */
export function rocFigure({ candidate, champion }: PlotFacts): string {
  const [ours, theirs] = [rocOf(candidate), champion === null ? undefined : rocOf(champion)];
  if (ours === undefined) return '';
  const frame = plotFrame([0, 1], [0, 1]);
  const said = [
    `candidate, auc ${figure(ours.auc)}`,
    ...(theirs === undefined ? [] : [`champion, auc ${figure(theirs.auc)}`]),
  ];
  const drawn = [
    polyline('reference', frame, [
      [0, 0],
      [1, 1],
    ]),
    theirs === undefined ? '' : polyline('champion', frame, theirs.points),
    polyline('candidate', frame, ours.points),
  ];
  const picture = plot(
    frame,
    { x: 'false positive rate', y: 'true positive rate' },
    `ROC curves: ${said.join('; ')}`,
    drawn.join(''),
  );
  const kinds = ['candidate', 'champion'];
  return figureOf(
    'ROC curve',
    picture,
    legend([
      ...said.map((text, index) => ({ kind: kinds[index] ?? '', sample: 'line' as const, text })),
      { kind: 'reference', sample: 'line', text: 'chance' },
    ]),
  );
}
