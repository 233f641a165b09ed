import { failure, messageOf } from '../errors.ts';
import { pairedBootstrap } from './bootstrap.ts';
import { judge } from './gate.ts';
import type { Interval, Rules } from './gate-record.ts';
import { METRIC_NAMES, METRICS } from './metrics.ts';
import { seedFrom } from './random.ts';
import { type Predictions, scoreModel } from './score.ts';
import type { Verdict } from './verdict.ts';

const RESAMPLES = 2000;
const LEVEL = 0.95;

/** A model as the gate sees it. */
export interface Contender {
  modelFile: string;
  /** Of its ModelPack manifest. */
  digest: string;
  /** Size of its files. */
  bytes: number;
  /** What it says about this very holdout, when that is known already (its golden samples were made from it). */
  predictions?: Predictions;
}

export interface EvaluateArgs {
  model: string;
  candidate: Contender;
  /** `null` for a first release. */
  champion: Contender | null;
  holdout: { file: string; digest: string };
  rules: Rules;
  label: string;
  task: string;
  /** Of the bootstrap, unsigned 32-bit; derived from the three digests unless given. */
  seed?: number;
  /** Ends the scoring; its reason is thrown. */
  signal?: AbortSignal;
}

/**
 * Scores candidate and champion on the same holdout, each in a session host of its own and one after the other, and
 * lets the gate judge. A candidate that can't be scored throws what scoring throws, a champion
 * `champion-not-scored`.
 */
export async function evaluate(args: EvaluateArgs): Promise<{ verdict: Verdict; predictions: Predictions }> {
  const { candidate, champion, holdout, rules } = args;
  const predictions = await predictionsOf(candidate, args);
  const reference = champion === null ? null : await championPredictions(champion, predictions, args);
  const seed = args.seed ?? seedFrom(holdout.digest, candidate.digest, champion?.digest ?? '');
  const decision = judge({
    candidate: measure(predictions),
    champion: reference === null ? null : measure(reference),
    intervals: reference === null ? {} : intervals(predictions, reference, rules, seed),
    rules,
    sizeBytes: candidate.bytes,
  });
  const verdict: Verdict = {
    schema: 'edgeloop.verdict/v1',
    model: args.model,
    candidate: candidate.digest,
    champion: champion?.digest ?? null,
    holdout: holdout.digest,
    task: 'binary-classification',
    rows: predictions.rows,
    rules,
    bootstrap: { resamples: RESAMPLES, seed, level: LEVEL, interval: 'percentile' },
    metrics: decision.metrics,
    sizeBytes: candidate.bytes,
    outcome: decision.outcome,
    reasons: decision.reasons,
  };
  return { verdict, predictions };
}

async function predictionsOf(
  contender: Contender,
  { holdout, label, task, signal }: EvaluateArgs,
): Promise<Predictions> {
  if (contender.predictions !== undefined) return contender.predictions;
  return scoreModel(contender.modelFile, holdout.file, label, task, signal && { signal });
}

async function championPredictions(
  champion: Contender,
  candidate: Predictions,
  args: EvaluateArgs,
): Promise<Predictions> {
  try {
    const predictions = sameClasses(await predictionsOf(champion, args), candidate);
    if (Buffer.compare(predictions.labels, candidate.labels) !== 0) throw holdoutChanged(args.holdout.file);
    return predictions;
  } catch (error) {
    args.signal?.throwIfAborted();
    throw failure(
      'champion-not-scored',
      `The champion ${champion.digest} can't be scored on ${args.holdout.file}.`,
      `Give a holdout that champion and candidate can both read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** A champion that numbers the two classes the other way round is read by the candidate's numbering. */
function sameClasses(champion: Predictions, candidate: Predictions): Predictions {
  if (champion.classes[1] === candidate.classes[1]) return champion;
  return {
    rows: champion.rows,
    labels: champion.labels.map((label) => 1 - label),
    probabilities: champion.probabilities.map((probability) => 1 - probability),
    classes: candidate.classes,
  };
}

function holdoutChanged(file: string): Error {
  return failure(
    'holdout-changed',
    `${file} did not hold the same rows when champion and candidate were scored.`,
    'Leave the holdout alone while a training runs, and run it again.',
  );
}

/** A value that is not a number is recorded as missing, as JSON has no other word for it. */
function measure({ labels, probabilities }: Predictions): Record<string, number | null> {
  return Object.fromEntries(
    METRIC_NAMES.map((name) => {
      const value = METRICS[name].compute(labels, probabilities);
      return [name, Number.isFinite(value) ? value : null];
    }),
  );
}

function intervals(
  candidate: Predictions,
  champion: Predictions,
  rules: Rules,
  seed: number,
): Record<string, Interval | null> {
  return Object.fromEntries(
    METRIC_NAMES.map((name) => {
      const relative = rules.metrics[name]?.tolerance?.kind === 'relative';
      const options = { resamples: RESAMPLES, seed, level: LEVEL, relative };
      const { lower, upper } = pairedBootstrap(
        METRICS[name],
        candidate.labels,
        champion.probabilities,
        candidate.probabilities,
        options,
      );
      const finite = Number.isFinite(lower) && Number.isFinite(upper);
      return [name, finite ? { lower, upper, level: LEVEL, relative } : null];
    }),
  );
}
