import type { ModelSignature } from '../onnx/index.ts';
import { type Comparison, pairedBootstrap } from './bootstrap.ts';
import { type ChampionScore, scoreChampion } from './champion.ts';
import type { DataFindings } from './data/inspect-data.ts';
import { judge } from './gate/gate.ts';
import type { Interval, Rules } from './gate/record.ts';
import { timeModels } from './latency.ts';
import { readPredictions } from './scoring/predictions-file.ts';
import { seedFrom } from './random.ts';
import { scoreModel } from './scoring/score.ts';
import { findSlices, planSlices } from './slices.ts';
import { isTable } from './tables/open-table.ts';
import { measure, type Predictions, type Task } from './tasks/task.ts';
import { taskNamed } from './tasks/tasks.ts';
import type { Verdict } from './verdict.ts';

const RESAMPLES = 2000;
const LEVEL = 0.95;

/** A model as the gate sees it. */
export interface Contender {
  modelFile: string;
  /** Its golden samples, with which its latency is measured. */
  goldenFile?: string;
  /** Of its ModelPack manifest. */
  digest: string;
  /** Size of its files. */
  bytes: number;
  /** The most that its session host held, where that is known. */
  memoryBytes?: number | undefined;
  /** As its card says. */
  modelSignature: ModelSignature;
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
  /** Its path on this disk, and as the project names it. */
  holdout: { file: string; name: string; digest: string };
  rules: Rules;
  label: string;
  /** Column of sample weights. */
  weight?: string | undefined;
  task: string;
  data: DataFindings;
  /** The user's own way to predict: its command, and what takes a model file and gives the file of its predictions. */
  predictor?: { command: string; predict: (modelFile: string) => Promise<string> } | undefined;
  /** This machine's name, where it has one. */
  runner: string | null;
  /** Of the bootstrap, unsigned 32-bit; derived from the three digests unless given. */
  seed?: number;
  /** Ends the scoring; its reason is thrown. */
  signal?: AbortSignal;
}

export interface Evaluation {
  verdict: Verdict;
  /** On the holdout; the champion's in the candidate's numbering of the classes, `null` when there are none. */
  candidate: Predictions;
  champion: Predictions | null;
}

/**
 * Scores candidate and champion on the same holdout, each in a session host of its own and one after the other, times
 * both in turn, and lets the gate judge. A candidate that can't be scored throws what scoring throws, a champion
 * `champion-not-scored`, unless it is only another model signature that keeps it from today's holdout.
 */
export async function evaluate(args: EvaluateArgs): Promise<Evaluation> {
  const { candidate, champion, holdout, rules } = args;
  const task = taskNamed(args.task);
  const predictions = await predictionsOf(candidate, args);
  const scored = await championScore(champion, predictions, args);
  const reference = scored !== null && 'predictions' in scored ? scored.predictions : null;
  const seed = args.seed ?? seedFrom(holdout.digest, candidate.digest, champion?.digest ?? '');
  const { intervals, slices } = await compare(task, predictions, reference, args, seed);
  const latency = await timeModels(candidate, champion, args);
  const input = {
    task: task.name,
    rows: predictions.rows,
    candidate: measureAll(task, predictions, rules),
    champion: reference === null ? null : measureAll(task, reference, rules),
    notComparable: scored !== null && 'notComparable' in scored ? scored.notComparable : null,
    intervals,
    slices,
    rules,
    sizeBytes: candidate.bytes,
    memoryBytes: candidate.memoryBytes ?? null,
    latency,
    data: args.data.record,
  };
  const decision = judge(input);
  const verdict: Verdict = {
    schema: 'edgeloop.verdict/v1',
    model: args.model,
    candidate: candidate.digest,
    champion: champion?.digest ?? null,
    holdout: holdout.digest,
    task: task.name,
    rows: predictions.rows,
    label: args.label,
    weight: args.weight ?? null,
    predict: args.predictor?.command ?? null,
    rules,
    bootstrap: { resamples: RESAMPLES, seed, level: LEVEL, interval: 'percentile' },
    notComparable: input.notComparable,
    metrics: decision.metrics,
    slices,
    sizeBytes: candidate.bytes,
    memoryBytes: input.memoryBytes,
    latency,
    data: args.data.record,
    outcome: decision.outcome,
    reasons: decision.reasons,
    warnings: decision.warnings,
  };
  return { verdict, candidate: predictions, champion: reference };
}

async function predictionsOf(contender: Contender, args: EvaluateArgs): Promise<Predictions> {
  if (contender.predictions !== undefined) return contender.predictions;
  const { holdout, label, weight, task, signal, predictor } = args;
  const { modelFile, modelSignature, featureOrder } = contender;
  if (predictor !== undefined) {
    const file = await predictor.predict(modelFile);
    return readPredictions({ file, holdout: holdout.file, label, task, weight, modelSignature });
  }
  return scoreModel(modelFile, holdout.file, label, task, { modelSignature, featureOrder, weight, signal });
}

async function championScore(
  champion: Contender | null,
  candidate: Predictions,
  args: EvaluateArgs,
): Promise<ChampionScore | null> {
  if (champion === null) return null;
  const faces = { candidate: args.candidate, champion };
  return scoreChampion(champion.digest, faces, candidate, () => predictionsOf(champion, args), args);
}

/** A value that is not a number is recorded as missing, as JSON has no other word for it. */
function measureAll(
  { metrics }: Task,
  predictions: Predictions,
  rules: Rules,
): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => {
      const value = measure(metric, predictions, undefined, { quantile: rules.metrics[name]?.quantile });
      return [name, Number.isFinite(value) ? value : null];
    }),
  );
}

/** All rows and every slice, in one go. */
async function compare(
  task: Task,
  candidate: Predictions,
  champion: Predictions | null,
  args: EvaluateArgs,
  seed: number,
): Promise<Pick<Verdict, 'slices'> & { intervals: Record<string, Interval | null> }> {
  const { rules, holdout, signal } = args;
  // What lies in no table has no columns to be cut by.
  const slices = isTable(holdout.file) ? await findSlices(holdout.file, rules.slices) : [];
  const plan = planSlices({ slices, candidate, champion, task: task.name, rules, seed });
  const metrics = Object.fromEntries(
    Object.entries(rules.metrics).flatMap(([name, { tolerance, quantile }]) =>
      task.metrics[name] === undefined
        ? []
        : [[name, { relative: tolerance?.kind === 'relative', options: { quantile } }]],
    ),
  );
  const whole: Comparison[] =
    champion === null
      ? []
      : [{ task: task.name, candidate, champion, metrics, resamples: RESAMPLES, seed, level: LEVEL }];
  const found = await pairedBootstrap([...whole, ...plan.comparisons], { signal });
  const ofWhole = whole.length === 0 ? {} : (found[0] ?? {});
  return {
    intervals: Object.fromEntries(
      Object.entries(ofWhole).map(([name, ends]) => [
        name,
        ends && { ...ends, level: LEVEL, relative: metrics[name]?.relative ?? false },
      ]),
    ),
    slices: rules.slices.length === 0 ? null : plan.record(found.slice(whole.length)),
  };
}
