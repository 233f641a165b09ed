import { isDeepStrictEqual } from 'node:util';
import { failure, messageOf } from '../errors.ts';
import type { ModelSignature } from '../onnx/index.ts';
import { pairedBootstrap } from './bootstrap.ts';
import { judge } from './gate.ts';
import type { Interval, Rules } from './gate-record.ts';
import { seedFrom } from './random.ts';
import { scoreModel } from './score.ts';
import { measure, type Predictions, type Task } from './tasks/task.ts';
import { taskNamed } from './tasks/tasks.ts';
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
  /** As its card says; by default what the model file says of itself. */
  modelSignature?: ModelSignature;
  /** As its card says. */
  featureOrder?: readonly string[] | undefined;
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
  const task = taskNamed(args.task);
  const predictions = await predictionsOf(candidate, args);
  const reference = champion === null ? null : await championPredictions(champion, predictions, args);
  const seed = args.seed ?? seedFrom(holdout.digest, candidate.digest, champion?.digest ?? '');
  const decision = judge({
    task: task.name,
    candidate: measureAll(task, predictions),
    champion: reference === null ? null : measureAll(task, reference),
    intervals: reference === null ? {} : intervals(task, predictions, reference, rules, seed),
    rules,
    sizeBytes: candidate.bytes,
  });
  const verdict: Verdict = {
    schema: 'edgeloop.verdict/v1',
    model: args.model,
    candidate: candidate.digest,
    champion: champion?.digest ?? null,
    holdout: holdout.digest,
    task: task.name,
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
  const { modelFile, modelSignature, featureOrder } = contender;
  return scoreModel(modelFile, holdout.file, label, task, { modelSignature, featureOrder, signal });
}

async function championPredictions(
  champion: Contender,
  candidate: Predictions,
  args: EvaluateArgs,
): Promise<Predictions> {
  try {
    const predictions = numberedAs(candidate, await predictionsOf(champion, args));
    if (!sameLabels(predictions, candidate)) throw holdoutChanged(args.holdout.file);
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
  return { rows, labels, predicted, width: classes.length, classes };
}

function sameLabels(a: Predictions, b: Predictions): boolean {
  return a.rows === b.rows && a.labels.every((label, row) => label === b.labels[row]);
}

function holdoutChanged(file: string): Error {
  return failure(
    'holdout-changed',
    `${file} did not hold the same rows when champion and candidate were scored.`,
    'Leave the holdout alone while a training runs, and run it again.',
  );
}

/** A value that is not a number is recorded as missing, as JSON has no other word for it. */
function measureAll({ metrics }: Task, predictions: Predictions): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => {
      const value = measure(metric, predictions);
      return [name, Number.isFinite(value) ? value : null];
    }),
  );
}

function intervals(
  task: Task,
  candidate: Predictions,
  champion: Predictions,
  rules: Rules,
  seed: number,
): Record<string, Interval | null> {
  const { rows, labels } = candidate;
  return Object.fromEntries(
    Object.entries(task.metrics).map(([name, metric]) => {
      const relative = rules.metrics[name]?.tolerance?.kind === 'relative';
      const { lower, upper } = pairedBootstrap(
        {
          rows,
          direction: metric.direction,
          champion: metric.prepare(champion),
          candidate: metric.prepare(candidate),
          usable: task.usable?.(labels),
        },
        { resamples: RESAMPLES, seed, level: LEVEL, relative },
      );
      const finite = Number.isFinite(lower) && Number.isFinite(upper);
      return [name, finite ? { lower, upper, level: LEVEL, relative } : null];
    }),
  );
}
