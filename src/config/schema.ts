import { z } from 'zod';
import { nameSchema } from './names.ts';
import { METRIC_NAMES, metricsOfTheTask, TASK_NAMES } from './tasks.ts';
import { durationSchema, sizeSchema, toleranceSchema } from './units.ts';

const ruleSchema = z.strictObject({
  min: z.number().optional().describe('the candidate must reach at least this'),
  max: z.number().optional().describe('the candidate may reach at most this'),
  tolerance: toleranceSchema.optional().describe('how much worse than the champion is still accepted'),
});

const paramSchema = z.union(
  [z.string(), z.number(), z.boolean()],
  'expected a text, a number, true or false',
);

const modelSchema = z.strictObject({
  data: z.strictObject({
    train: z.string().min(1).describe('file or folder that training reads'),
    holdout: z
      .string()
      .min(1)
      .describe('labelled file that never trains; champion and candidate are scored on it'),
  }),
  train: z.strictObject({
    run: z
      .string()
      .min(1)
      .describe('the command; ${{inputs.train}}, ${{inputs.<param>}} and ${{outputs.model}} are replaced'),
    code: z.string().min(1).describe('file or folder that, besides the data, decides what is trained'),
    params: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), paramSchema).default({}),
    environment: z.string().min(1).describe('a lock file'),
    target: z.enum(['local']).default('local'),
    timeout: durationSchema.default(30 * 60_000),
  }),
  evaluate: z.strictObject({
    task: z.enum(TASK_NAMES),
    label: z.string().min(1).describe('the column of the holdout that holds the truth'),
    metrics: z
      .record(z.string(), ruleSchema)
      // For the JSON Schema; which of them a task has is told by `metricsOfTheTask`.
      .meta({ propertyNames: { enum: METRIC_NAMES } })
      .refine((metrics) => Object.keys(metrics).length > 0, 'expected at least one metric'),
    budget: z.strictObject({ size: sizeSchema.optional() }).default({}),
  }),
});

/** The schema of `edgeloop.yaml` (DESIGN 8.2). */
export const configSchema = z.strictObject({
  registry: z.string().min(1).describe('oci:FOLDER, or HOST/REPOSITORY'),
  models: z
    .record(nameSchema, modelSchema.check(metricsOfTheTask))
    .refine((models) => Object.keys(models).length > 0, 'expected at least one model'),
  channels: z.array(nameSchema).min(1).default(['production']),
});

/** One model's settings, with durations in milliseconds and sizes in bytes. */
export type ModelConfig = z.output<typeof modelSchema>;
