import { setImmediate } from 'node:timers/promises';
import type { TaskName } from '../config/index.ts';
import { misuse } from '../errors.ts';
import { seededRandom } from './random.ts';
import type { Metric, MetricOptions, Predictions, Task, Weights } from './tasks/task.ts';
import { taskNamed } from './tasks/tasks.ts';

/** Two models on the same rows, all of a holdout or a part of it. */
export interface Comparison {
  task: TaskName;
  /** Of the same rows, labels and weights. */
  candidate: Predictions;
  champion: Predictions;
  /** By metric: `relative` for the improvement as a share of the champion's value instead of in the metric's own unit. */
  metrics: Readonly<Record<string, { relative: boolean; options?: MetricOptions | undefined }>>;
  resamples: number;
  /** Unsigned 32-bit integer; the same seed gives the same intervals on every machine. */
  seed: number;
  /** Share of the resamples that an interval spans: 0.95. */
  level: number;
}

/** The ends of one metric's interval; `null` where they are not finite. */
export type Ends = { lower: number; upper: number } | null;

/** Long enough to cost nothing, short enough that a cancelled bootstrap seems to end at once. */
const TURN_MS = 50;

/**
 * By comparison and metric: the percentile interval of the candidate's improvement over the champion (positive: the
 * candidate is better, whatever the metric's direction), both scored on the same resampled rows (Efron and Tibshirani
 * 1993, chapter 13; ends by the (B + 1) alpha rule of 12.5). All metrics of a comparison share its resamples; sample
 * weights multiply how often a row was drawn. Throws the signal's reason when cancelled, and the misuse
 * `bootstrap-invalid`.
 */
export async function pairedBootstrap(
  comparisons: readonly Comparison[],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Record<string, Ends>[]> {
  const takeTurns = turns(signal);
  const found: Record<string, Ends>[] = [];
  for (const comparison of comparisons) found.push(await intervalsOf(comparison, takeTurns));
  return found;
}

/** How much better the candidate is; with `relative` as a share of the champion's value (0 when both are equal). */
export function improvement(
  direction: Metric['direction'],
  champion: number,
  candidate: number,
  relative: boolean,
): number {
  const difference = direction === 'maximise' ? candidate - champion : champion - candidate;
  return relative && difference !== 0 ? difference / Math.abs(champion) : difference;
}

/** One metric of both models, and what each resample said. */
interface Measured {
  name: string;
  direction: Metric['direction'];
  relative: boolean;
  champion(weights: Weights): number;
  candidate(weights: Weights): number;
  improvements: Float64Array;
}

async function intervalsOf(comparison: Comparison, takeTurns: Turns): Promise<Record<string, Ends>> {
  const { resamples, seed, level } = comparison;
  const task = taskNamed(comparison.task);
  check(comparison);
  const usable = usableResamples(task, comparison.candidate);
  const measured: Measured[] = [];
  for (const name of Object.keys(comparison.metrics)) {
    if (takeTurns.due()) await takeTurns.next();
    measured.push(prepared(task, name, comparison));
  }
  const draw = resampler(comparison.candidate, seed);
  for (let resample = 0; resample < resamples; resample++) {
    if (takeTurns.due()) await takeTurns.next();
    let weights = draw();
    while (!usable(weights)) weights = draw();
    for (const { direction, relative, champion, candidate, improvements } of measured) {
      improvements[resample] = improvement(direction, champion(weights), candidate(weights), relative);
    }
  }
  return Object.fromEntries(measured.map(({ name, improvements }) => [name, endsOf(improvements, level)]));
}

function prepared(
  task: Task,
  name: string,
  { metrics, champion, candidate, resamples }: Comparison,
): Measured {
  const metric = Object.hasOwn(task.metrics, name) ? task.metrics[name] : undefined;
  if (metric === undefined) throw new Error(`${task.name} has no metric ${name}`);
  const { direction } = metric;
  const { relative = false, options } = metrics[name] ?? {};
  return {
    name,
    direction,
    relative,
    champion: metric.prepare(champion, options),
    candidate: metric.prepare(candidate, options),
    improvements: new Float64Array(resamples),
  };
}

const DRAWS_AT_ONCE = 4096;

/**
 * Each call draws as many rows with replacement as there are, and says how much each row counts then; the same array
 * every time. The bias of scaling 32 bits is below rows / 2^32.
 */
function resampler({ rows, weights }: Predictions, seed: number): () => Weights {
  const random = seededRandom(seed);
  const scale = rows / 2 ** 32;
  // A byte is enough: that one of 256 rows or more is drawn 256 times has a chance below 1 / 256!, and of fewer none can.
  const counts = new Uint8Array(rows);
  const draws = new Uint32Array(Math.min(rows, DRAWS_AT_ONCE));
  const weighted = weights && new Float64Array(rows);
  return () => {
    counts.fill(0);
    for (let left = rows; left > 0; left -= draws.length) {
      const chunk = left < draws.length ? draws.subarray(0, left) : draws;
      random(chunk);
      countDraws(chunk, scale, counts);
    }
    if (weights === undefined || weighted === undefined) return counts;
    for (let row = 0; row < rows; row++) weighted[row] = (counts[row] ?? 0) * (weights[row] ?? 0);
    return weighted;
  };
}

function countDraws(draws: Uint32Array, scale: number, counts: Uint8Array): void {
  for (let draw = 0; draw < draws.length; draw++) {
    // Not Math.floor, which keeps a double and costs half of the loop's time again.
    const row = ((draws[draw] ?? 0) * scale) >>> 0;
    counts[row] = (counts[row] ?? 0) + 1;
  }
}

function endsOf(improvements: Float64Array, level: number): Ends {
  const rising = improvements.toSorted();
  // 200 x (1 - 0.9) / 2 is 9.999999999999998 in doubles, and means 10.
  const tail = Math.max(1, Math.floor(((rising.length + 1) * (1 - level)) / 2 + 1e-9));
  const [lower = Number.NaN, upper = Number.NaN] = [rising[tail - 1], rising.at(-tail)];
  return Number.isFinite(lower) && Number.isFinite(upper) ? { lower, upper } : null;
}

/** When it is time to let everything else of this process have its turn, Ctrl-C among it. */
interface Turns {
  due(): boolean;
  /** Throws the signal's reason when it was cancelled meanwhile. */
  next(): Promise<void>;
}

function turns(signal: AbortSignal | undefined): Turns {
  signal?.throwIfAborted();
  let began = performance.now();
  return {
    due: () => performance.now() - began >= TURN_MS,
    next: async () => {
      await setImmediate();
      signal?.throwIfAborted();
      began = performance.now();
    },
  };
}

/**
 * Which resamples count: those in which a row counts, and which are a holdout for the task, unless all rows together are
 * none, a slice of one class say.
 */
function usableResamples(task: Task, { rows, labels, weights }: Predictions): (weights: Weights) => boolean {
  const usable = task.usable?.(labels);
  const whole = weights ?? new Uint8Array(rows).fill(1);
  return usable?.(whole) === true ? usable : somethingCounts;
}

function somethingCounts(weights: Weights): boolean {
  for (let row = 0; row < weights.length; row++) if (weights[row] !== 0) return true;
  return false;
}

function check({ candidate: { rows, weights }, resamples, level }: Comparison): void {
  const possible = weights === undefined ? rows > 0 : somethingCounts(weights);
  if (possible && Number.isInteger(resamples) && resamples > 0 && level > 0 && level < 1) return;
  throw misuse(
    'bootstrap-invalid',
    `A bootstrap of ${resamples} resamples at level ${level} over ${rows} rows ${possible ? '' : 'of which none counts '}is not possible.`,
    'Give at least one row that counts, at least one resample and a level between 0 and 1.',
  );
}
