import { z } from 'zod';
import { byType, chosen, word } from './chosen.ts';
import { inputsSchema, literalSchema, outputsSchema } from './io-schema.ts';
import { commandSettings, jobSettings, QUEUE, resourcesSchema } from './settings-schema.ts';

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

export type SweepSettings = z.output<ReturnType<typeof sweepShape>>;
const sweepShape = () => z.strictObject(sweepSettings);

/** A job file of the type sweep: azure-ai-ml, `SweepJobSchema`. */
export const sweepFileSchema = z.strictObject({
  ...jobSettings,
  type: word('sweep'),
  ...sweepSettings,
  trial: z.strictObject(commandSettings),
  resources: resourcesSchema.optional(),
  inputs: inputsSchema,
  outputs: outputsSchema,
});

export type SweepFile = z.output<typeof sweepFileSchema>;
