import type { SweepJob } from '@azure/arm-machinelearning';
import { z } from 'zod';
import { camel, given, mapped } from './camel.ts';
import { byType, chosen, word } from './chosen.ts';
import {
  boundInputs,
  checkPlaceholders,
  inputsSchema,
  jobInputs,
  jobOutputs,
  literalSchema,
  outputsSchema,
} from './inputs-outputs.ts';
import { jobHead, type Submission, workOf } from './job-head.ts';
import { commandSettings, jobSettings, leastTimeout, QUEUE, resourcesSchema } from './settings.ts';
import { readSource } from './source-file.ts';

const number = z.number();
const between = { min_value: number, max_value: number };
const around = { mu: number, sigma: number };
const q = { q: z.int() };

const space = <Shape extends z.ZodRawShape>(type: string, shape: Shape) =>
  z.strictObject({ type: word(type), ...shape });

const searchSpaceSchema = z.record(
  z.string().regex(/^[A-Za-z_]\w*$/, 'expected a letter or "_" first, then letters, digits and "_"'),
  byType<z.ZodObject>({
    choice: space('choice', { values: z.array(literalSchema).min(1) }),
    randint: space('randint', { upper: z.int() }),
    uniform: space('uniform', between),
    loguniform: space('loguniform', between),
    quniform: space('quniform', { ...between, ...q }),
    qloguniform: space('qloguniform', { ...between, ...q }),
    normal: space('normal', around),
    lognormal: space('lognormal', around),
    qnormal: space('qnormal', { ...around, ...q }),
    qlognormal: space('qlognormal', { ...around, ...q }),
  }),
);

const ALGORITHMS = ['random', 'grid', 'bayesian'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

const samplingSchema = chosen<
  z.ZodType<{ type: Algorithm; seed?: number; rule?: 'random' | 'sobol' } | Algorithm>
>((value) =>
  typeof value === 'string'
    ? word(...ALGORITHMS)
    : z.strictObject({
        type: word(...ALGORITHMS),
        seed: z.int().exactOptional(),
        rule: word('random', 'sobol').exactOptional(),
      }),
);

const evaluated = { evaluation_interval: z.int().optional(), delay_evaluation: z.int().optional() };

const terminationSchema = byType<z.ZodObject>({
  bandit: z.strictObject({
    type: word('bandit'),
    ...evaluated,
    slack_factor: number.optional(),
    slack_amount: number.optional(),
  }),
  median_stopping: z.strictObject({ type: word('median_stopping'), ...evaluated }),
  truncation_selection: z.strictObject({
    type: word('truncation_selection'),
    ...evaluated,
    truncation_percentage: z.int(),
  }),
}).pipe(
  z.object({
    type: word('bandit', 'median_stopping', 'truncation_selection'),
    ...evaluated,
    slack_factor: number.optional(),
    slack_amount: number.optional(),
    truncation_percentage: number.optional(),
  }),
);

/** Seconds. */
const limitsSchema = z.strictObject({
  max_total_trials: z.int().positive(),
  max_concurrent_trials: z.int().positive().optional(),
  timeout: z.int().positive().optional(),
  trial_timeout: z.int().positive().optional(),
});

/** What a sweep of its own and one in a pipeline have. */
export const sweepSettings = {
  sampling_algorithm: samplingSchema,
  search_space: searchSpaceSchema,
  objective: z.strictObject({ goal: word('minimize', 'maximize'), primary_metric: z.string().min(1) }),
  early_termination: terminationSchema.optional(),
  limits: limitsSchema,
  queue_settings: QUEUE,
};

type SweepSettings = z.output<ReturnType<typeof sweepShape>>;
const sweepShape = () => z.strictObject(sweepSettings);

/** A job file of the type sweep: azure-ai-ml, `SweepJobSchema`. */
const sweepFileSchema = z.strictObject({
  ...jobSettings,
  type: word('sweep'),
  ...sweepSettings,
  trial: z.strictObject(commandSettings),
  resources: resourcesSchema.optional(),
  inputs: inputsSchema,
  outputs: outputsSchema,
});

const ALGORITHM = { random: 'Random', grid: 'Grid', bayesian: 'Bayesian' } as const;
const GOAL = { minimize: 'Minimize', maximize: 'Maximize' } as const;
const RULE = { random: 'Random', sobol: 'Sobol' } as const;
const POLICY = {
  bandit: 'Bandit',
  median_stopping: 'MedianStopping',
  truncation_selection: 'TruncationSelection',
} as const;

/** The body of a job of the type sweep (azure-ai-ml, `SweepJob._to_rest_object`). */
export async function sweepFromFile(submission: Submission): Promise<SweepJob> {
  const { assets, source, training, common } = submission;
  const file = readSource(source, sweepFileSchema);
  const { trial, limits } = file;
  const inputs = boundInputs(source, file.inputs, { params: training.params, data: common.data });
  // Trials with one place would write over each other: each has its own, which the service gives it.
  const outputs = jobOutputs(source, file.outputs, undefined);
  const known = { inputs, outputs, search_space: file.search_space };
  checkPlaceholders(source, ['trial', 'command'], trial.command, known);
  const { timeout, trial_timeout } = limits;
  return given({
    jobType: 'Sweep' as const,
    ...jobHead(submission, file),
    inputs: jobInputs(assets.workspace, source, inputs),
    outputs,
    trial: await workOf(submission, { ...trial, resources: trial.resources ?? file.resources }, ['trial']),
    samplingAlgorithm: samplingOf(file.sampling_algorithm),
    searchSpace: mapped(file.search_space, spaceOf),
    objective: { goal: GOAL[file.objective.goal], primaryMetric: file.objective.primary_metric },
    earlyTermination: file.early_termination && camel(terminationOf(file.early_termination)),
    limits: given({
      ...camel(limits),
      jobLimitsType: 'Sweep' as const,
      timeout: leastTimeout(timeout, training.timeoutMs),
      trialTimeout: trial_timeout === undefined ? undefined : leastTimeout(trial_timeout, training.timeoutMs),
    }),
  });
}

function samplingOf(sampling: SweepSettings['sampling_algorithm']) {
  if (typeof sampling === 'string') return { samplingAlgorithmType: ALGORITHM[sampling] };
  const { type, seed, rule } = sampling;
  return given({ samplingAlgorithmType: ALGORITHM[type], seed, rule: rule && RULE[rule] });
}

/** The order in which the service expects the arguments of a distribution. */
const ARGUMENTS = ['values', 'upper', 'min_value', 'max_value', 'mu', 'sigma', 'q'];

function spaceOf(searched: Record<string, unknown>): unknown[] {
  return [searched['type'], ARGUMENTS.filter((name) => name in searched).map((name) => searched[name])];
}

/** With the values that azure-ai-ml puts where the file has none. */
export function terminationOf({ type, ...rest }: NonNullable<SweepSettings['early_termination']>) {
  return given({
    policy_type: POLICY[type],
    delay_evaluation: 0,
    evaluation_interval: type === 'median_stopping' ? 1 : 0,
    ...(type === 'bandit' && { slack_amount: 0, slack_factor: 0 }),
    ...given(rest),
  });
}
