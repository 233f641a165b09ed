import { z } from 'zod';

/** How much worse than the champion is still accepted: in the metric's own unit, or a share of the champion's value. */
export const toleranceSchema = z.strictObject({
  kind: z.enum(['absolute', 'relative']),
  value: z.number(),
});

export const metricRuleSchema = z.strictObject({
  /** The candidate must reach at least this. */
  min: z.number().optional(),
  /** The candidate may reach at most this. */
  max: z.number().optional(),
  tolerance: toleranceSchema.optional(),
  /** Of `quantile_loss`. */
  quantile: z.number().optional(),
});

/** A share of the champion's p95 latency in the same run, or milliseconds on one named machine. */
export const latencyBudgetSchema = z.strictObject({
  kind: z.enum(['relative', 'absolute']),
  value: z.number(),
});

export const budgetSchema = z.strictObject({
  /** Bytes of the model files. */
  size: z.number().optional(),
  /** Bytes that the session host may hold. */
  memory: z.number().optional(),
  latency: latencyBudgetSchema.optional(),
  /** The machine whose milliseconds an absolute latency means. */
  runner: z.string().optional(),
});

/** More than these is refused. */
export const dataLimitsSchema = z.strictObject({
  /** Population stability index of one feature. */
  psi: z.number(),
  /** Share of the rows whose value of one text feature the champion was not trained on. */
  unknown: z.number(),
  /** Share of the holdout's rows that are rows of the training data. */
  overlap: z.number(),
});

/** What the gate asks for, by metric. */
export const rulesSchema = z.strictObject({
  metrics: z.record(z.string(), metricRuleSchema),
  budget: budgetSchema,
  /** Columns of the holdout: each of their values is compared by itself. */
  slices: z.array(z.string()),
  checks: dataLimitsSchema,
});

/** Interval of the improvement (positive: the candidate is better), absolute or as a share of the champion's value. */
export const intervalSchema = z.strictObject({
  lower: z.number(),
  upper: z.number(),
  /** 0.95: a 95 % interval. */
  level: z.number(),
  relative: z.boolean(),
});

/** What was found for one metric. `null`: it was not measured, not asked for, or there is nothing to compare with. */
export const metricJudgementSchema = z.strictObject({
  candidate: z.number().nullable(),
  champion: z.number().nullable(),
  /** In the metric's own unit; positive: the candidate is better. */
  improvement: z.number().nullable(),
  interval: intervalSchema.nullable(),
  tolerance: toleranceSchema.nullable(),
  floor: z.strictObject({ min: z.number().optional(), max: z.number().optional() }).nullable(),
  /** `null` when no rule names the metric. */
  passed: z.boolean().nullable(),
});

/** One metric in the rows of one slice. */
export const sliceMetricSchema = z.strictObject({
  candidate: z.number().nullable(),
  champion: z.number().nullable(),
  improvement: z.number().nullable(),
  interval: intervalSchema.nullable(),
  /** True when too few of its rows are of one class for this metric: then it is not judged. */
  tooFew: z.boolean(),
});

/** The rows that hold one value in one column, by each metric that has a tolerance. */
export const sliceSchema = z.strictObject({
  column: z.string(),
  value: z.string(),
  rows: z.int().positive(),
  metrics: z.record(z.string(), sliceMetricSchema),
});

/** The slices of one column. Slices of few rows, and those beyond the largest ones, are only counted. */
export const slicesOfColumnSchema = z.strictObject({
  column: z.string(),
  /** Different values of the column. */
  values: z.int().nonnegative(),
  /** How many of them were not judged because they have fewer rows than `leastRows`, or come after the largest ones. */
  notJudged: z.int().nonnegative(),
  leastRows: z.int().positive(),
});

export const sliceRecordSchema = z.strictObject({
  columns: z.array(slicesOfColumnSchema),
  /** Bootstrap resamples of each slice. */
  resamples: z.int().nonnegative(),
  judged: z.array(sliceSchema),
});

/** One row at a time through a session host, candidate and champion in turn. */
export const latencySchema = z.strictObject({
  runs: z.int().positive(),
  candidate: z.strictObject({ p50Ms: z.number(), p95Ms: z.number() }),
  /** `null` without a champion. */
  champion: z.strictObject({ p50Ms: z.number(), p95Ms: z.number() }).nullable(),
  /** The candidate's p95 as a share of the champion's, with its bootstrap interval. */
  ratio: z
    .strictObject({ value: z.number(), lower: z.number(), upper: z.number(), level: z.number() })
    .nullable(),
  /** The machine's name where it has one. */
  runner: z.string().nullable(),
});

/** What was compared, or the reason why it could not be: never silence. */
const orNotApplicable = <Measured extends z.ZodRawShape>(measured: Measured) =>
  z.discriminatedUnion('outcome', [
    z.strictObject({ outcome: z.literal('measured'), ...measured }),
    z.strictObject({ outcome: z.literal('not-applicable'), reason: z.string() }),
  ]);

/** How far one feature has moved from the champion's training data. */
export const featureShiftSchema = z.strictObject({
  column: z.string(),
  /** `null` when no value is frequent enough to tell a shift from chance. */
  psi: z.number().nullable(),
  /** Share of rows with a value that the champion was not trained on; text features only. */
  unknown: z.number().nullable(),
  /** Up to three of these values. */
  examples: z.array(z.string()),
});

export const shiftSchema = orNotApplicable({
  rows: z.int().nonnegative(),
  /** `new`: only files that the champion was not trained on. */
  part: z.enum(['all', 'new']),
  /** True when only part of the data was read. */
  sampled: z.boolean(),
  features: z.array(featureShiftSchema),
  /** Columns that the champion was trained on and that are not there any more. */
  absent: z.array(z.string()),
});

export const overlapSchema = orNotApplicable({
  /** Rows of the holdout. */
  rows: z.int().nonnegative(),
  /** How many of them are rows of the training data too. */
  found: z.int().nonnegative(),
  trainingRows: z.int().nonnegative(),
  sampled: z.boolean(),
});

/** What was found in the data themselves. */
export const dataRecordSchema = z.strictObject({
  /** The training data against the champion's. */
  train: shiftSchema,
  /** The holdout against the champion's training data. */
  holdout: shiftSchema,
  overlap: overlapSchema,
});

export const outcomeSchema = z.enum(['first', 'pass', 'fail']);

export type Tolerance = z.infer<typeof toleranceSchema>;
export type MetricRule = z.infer<typeof metricRuleSchema>;
export type Rules = z.infer<typeof rulesSchema>;
export type DataLimits = z.infer<typeof dataLimitsSchema>;
export type Interval = z.infer<typeof intervalSchema>;
export type MetricJudgement = z.infer<typeof metricJudgementSchema>;
export type Slice = z.infer<typeof sliceSchema>;
export type SliceRecord = z.infer<typeof sliceRecordSchema>;
export type Latency = z.infer<typeof latencySchema>;
export type FeatureShift = z.infer<typeof featureShiftSchema>;
export type Shift = z.infer<typeof shiftSchema>;
export type Overlap = z.infer<typeof overlapSchema>;
export type DataRecord = z.infer<typeof dataRecordSchema>;
export type Outcome = z.infer<typeof outcomeSchema>;
