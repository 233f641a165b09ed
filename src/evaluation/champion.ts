import { isDeepStrictEqual } from 'node:util';
import { EdgeloopError, failure, messageOf } from '../errors.ts';
import { type ModelSignature, signatureDifferences } from '../onnx/index.ts';
import type { Predictions } from './tasks/task.ts';

/** What a client and a table see of a model. */
export interface Face {
  modelSignature: ModelSignature;
  featureOrder?: readonly string[] | undefined;
}

/** The champion's predictions as the candidate's can be compared with, or why nothing can be. */
export type ChampionScore = { predictions: Predictions } | { notComparable: string };

/** These speak of the machine or the files, not of what a model takes. */
const NOT_ABOUT_THE_MODEL = new Set([
  'cancelled',
  'holdout-changed',
  'model-load-failed',
  'session-died',
  'table-unreadable',
]);

/**
 * Scores the champion. One that can't take today's holdout and whose model signature is another one than the
 * candidate's is not comparable, with the reason. Any other failure throws `champion-not-scored`.
 */
export async function scoreChampion(
  digest: string,
  faces: { candidate: Face; champion: Face },
  candidate: Predictions,
  score: () => Promise<Predictions>,
  { holdout, signal }: { holdout: { file: string; name: string }; signal?: AbortSignal | undefined },
): Promise<ChampionScore> {
  try {
    const predictions = numberedAs(candidate, await score());
    if (sameLabels(predictions, candidate)) return { predictions };
    throw failure(
      'holdout-changed',
      'The holdout did not hold the same rows when champion and candidate were scored.',
      'Leave the holdout alone while a training runs, and run it again.',
    );
  } catch (error) {
    signal?.throwIfAborted();
    const changes = changedFace(faces.champion, faces.candidate);
    const aboutModel = error instanceof EdgeloopError && !NOT_ABOUT_THE_MODEL.has(error.code);
    if (aboutModel && changes.length > 0) {
      // Recorded for everybody: without the lines that a command printed, and without where the file lies here.
      const [why = ''] = messageOf(error).replaceAll(holdout.file, holdout.name).split('\n');
      return { notComparable: `${changes.join('; ')}: ${why.replace(/\.$/, '')}` };
    }
    throw failure(
      'champion-not-scored',
      `The champion ${digest} can't be scored on the holdout.`,
      `Give a holdout that champion and candidate can both read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** In what a champion differs for whoever feeds it, a clause each. */
function changedFace(champion: Face, candidate: Face): string[] {
  const changes = signatureDifferences(champion.modelSignature, candidate.modelSignature).map((change) =>
    change.replaceAll('the card', 'the champion').replaceAll('the model', 'the candidate'),
  );
  const labels = (face: Face) => face.modelSignature.labels?.map(String);
  if (!isDeepStrictEqual(labels(champion), labels(candidate))) changes.push('the label set is another one');
  if (!isDeepStrictEqual(champion.featureOrder, candidate.featureOrder)) {
    changes.push('the feature order is another one');
  }
  return changes.length > 3 ? [...changes.slice(0, 3), `${changes.length - 3} more changes`] : changes;
}

/**
 * A champion that numbers the classes otherwise is read by the candidate's numbering: a class that it does not know has
 * the probability 0, one that only it knows comes last.
 */
function numberedAs(candidate: Predictions, champion: Predictions): Predictions {
  const { rows, width } = champion;
  if (isDeepStrictEqual(champion.classes, candidate.classes)) return champion;
  const more = champion.classes.filter((name) => !candidate.classes.includes(name));
  const classes = [...candidate.classes, ...more];
  const source = classes.map((name) => champion.classes.indexOf(name));
  const predicted = new Float64Array(rows * classes.length);
  for (let row = 0; row < rows; row++) {
    for (const [index, from] of source.entries()) {
      if (from >= 0) predicted[row * classes.length + index] = champion.predicted[row * width + from] ?? 0;
    }
  }
  const labels = champion.labels.map((label) => source.indexOf(label));
  return { ...champion, labels, predicted, width: classes.length, classes };
}

function sameLabels(a: Predictions, b: Predictions): boolean {
  return a.rows === b.rows && a.labels.every((label, row) => label === b.labels[row]);
}
