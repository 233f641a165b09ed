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
});

/** What the gate asks for, by metric; `budget.size` in bytes. */
export const rulesSchema = z.strictObject({
  metrics: z.record(z.string(), metricRuleSchema),
  budget: z.strictObject({ size: z.number().optional() }),
});

/** Interval of the improvement (positive: the candidate is better), absolute or as a share of the champion's value. */
export const intervalSchema = z.strictObject({
  lower: z.number(),
  upper: z.number(),
  /** 0.95: a 95 % interval. */
  level: z.number(),
  relative: z.boolean(),
});

/** What was found for one metric. `null`: it was not measured, not asked for, or there is no champion. */
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

export const outcomeSchema = z.enum(['first', 'pass', 'fail']);

export type Tolerance = z.infer<typeof toleranceSchema>;
export type MetricRule = z.infer<typeof metricRuleSchema>;
export type Rules = z.infer<typeof rulesSchema>;
export type Interval = z.infer<typeof intervalSchema>;
export type MetricJudgement = z.infer<typeof metricJudgementSchema>;
export type Outcome = z.infer<typeof outcomeSchema>;
