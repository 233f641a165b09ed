import { field, object, text } from './answer.ts';
import { outputUri } from './command.ts';
import type { Job, RunError } from './job.ts';

/** A job with children. */
export interface ParentDeps {
  job: Job;
  /** Submits a child, which is a job of its own. */
  child(name: string, properties: Record<string, unknown>): Job;
}

const DEFAULT_TRIALS = 4;

/** Runs a sweep's trials one after the other and names the best by the primary metric's last value. */
export async function runSweep({ job, child }: ParentDeps): Promise<RunError | undefined> {
  const { properties } = job;
  const space = object(properties['searchSpace']);
  const isGrid = field(properties['samplingAlgorithm'], 'samplingAlgorithmType') === 'Grid';
  const limit = Number(field(properties['limits'], 'maxTotalTrials') ?? DEFAULT_TRIALS);
  const trials = isGrid
    ? grid(space).slice(0, limit)
    : Array.from({ length: limit }, (_, n) => drawn(space, n));
  const metric = text(field(properties['objective'], 'primaryMetric')) ?? '';
  // azure-ai-ml writes it small, the description large.
  const goal = text(field(properties['objective'], 'goal')) ?? '';
  const sign = goal.toLowerCase() === 'minimize' ? -1 : 1;
  let best: { name: string; score: number } | undefined;
  for (const [index, values] of trials.entries()) {
    if (job.abort.signal.aborted) return undefined;
    const name = `${job.name}_${index}`;
    const trial = child(name, trialProperties(job, name, values));
    await trial.ended;
    const score = trial.metrics.findLast(({ key }) => key === metric)?.value;
    if (trial.status !== 'Completed' || score === undefined) continue;
    if (best === undefined || sign * score > sign * best.score) best = { name, score };
  }
  if (best === undefined)
    return { code: 'UserError', message: `No trial has completed and logged the metric ${metric}.` };
  const about = { best_child_run_id: best.name, score: String(best.score), runTemplate: 'HyperDrive' };
  job.properties['properties'] = { ...object(job.properties['properties']), ...about };
  return undefined;
}

function trialProperties({ properties }: Job, name: string, values: Record<string, unknown>) {
  const literals = Object.entries(values).map(([key, value]) => [
    key,
    { jobInputType: 'literal', value: String(value) },
  ]);
  const timeout = field(properties['limits'], 'trialTimeout');
  const outputs = Object.entries(object(properties['outputs'])).map(([key, output]) => [
    key,
    Object.assign(object(output), { uri: outputUri(name, key, output) }),
  ]);
  return {
    jobType: 'Command',
    experimentName: properties['experimentName'],
    tags: { hyperparameters: JSON.stringify(values) },
    properties: {},
    ...object(properties['trial']),
    inputs: { ...object(properties['inputs']), ...Object.fromEntries(literals) },
    outputs: Object.fromEntries(outputs),
    ...(timeout !== undefined && timeout !== null && { limits: { jobLimitsType: 'Command', timeout } }),
  };
}

/** `["choice", [[0.1, 0.2]]]`: its values; what is no choice has its first parameter. */
function choices(distribution: unknown): unknown[] {
  const [kind, parameters] = Array.isArray(distribution) ? distribution : ['choice', [[distribution]]];
  const [first]: unknown[] = Array.isArray(parameters) ? parameters : [];
  return kind === 'choice' && Array.isArray(first) ? first : [first];
}

function grid(space: Record<string, unknown>): Record<string, unknown>[] {
  return Object.entries(space).reduce<Record<string, unknown>[]>(
    (sofar, [key, distribution]) =>
      sofar.flatMap((values) =>
        choices(distribution).map((value) => Object.assign({}, values, { [key]: value })),
      ),
    [{}],
  );
}

/** The nth draw: the same each time, and another one than that before. */
function drawn(space: Record<string, unknown>, n: number): Record<string, unknown> {
  const entries = Object.entries(space).map(([key, distribution]) => [key, draw(distribution, n)]);
  return Object.fromEntries(entries);
}

function draw(distribution: unknown, n: number): unknown {
  const [kind, parameters]: unknown[] = Array.isArray(distribution) ? distribution : [];
  const [a = 0, b = 1] = (Array.isArray(parameters) ? parameters : []).map(Number);
  const part = (n * 0.618_034 + 0.5) % 1;
  if (kind === 'uniform' || kind === 'quniform') return a + (b - a) * part;
  if (kind === 'loguniform' || kind === 'qloguniform') return Math.exp(a + (b - a) * part);
  if (kind === 'normal' || kind === 'qnormal') return a + b * (2 * part - 1);
  if (kind === 'lognormal' || kind === 'qlognormal') return Math.exp(a + b * (2 * part - 1));
  if (kind === 'randint') return Math.floor(a * part);
  const values = choices(distribution);
  return values[n % values.length];
}
