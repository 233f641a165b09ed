import { z } from 'zod';
import { notEmpty } from './maps.ts';
import type { MetricName } from './tasks.ts';
import { toleranceSchema } from './units.ts';

// Descriptions and examples go into schema/edgeloop.schema.json, where editors find them.

const ruleSchema = z.strictObject({
  min: z
    .number()
    .optional()
    .meta({ description: 'The candidate must reach at least this. Default: no floor.', examples: [0.85] }),
  max: z
    .number()
    .optional()
    .meta({ description: 'The candidate may reach at most this. Default: no ceiling.', examples: [0.4] }),
  tolerance: toleranceSchema.optional().meta({
    description:
      'How much worse than the champion is still accepted: an absolute number such as 0.02, or a share of the ' +
      "champion's value such as 5%. The lower end of the 95 % interval of the improvement must not lie further " +
      'below zero. Default: the champion is not compared.',
    examples: [0.02, '5%'],
  }),
});

const OPEN_INTERVAL = 'expected a number above 0 and below 1';

const quantileRuleSchema = ruleSchema.extend({
  quantile: z
    .number()
    .gt(0, OPEN_INTERVAL)
    .lt(1, OPEN_INTERVAL)
    .default(0.5)
    .meta({
      description:
        'The quantile that the predictions are meant to be, above 0 and below 1: 0.5 is the median. Default: 0.5.',
      examples: [0.9],
    }),
});

const metric = (description: string, example: z.input<typeof ruleSchema>) =>
  ruleSchema.optional().meta({ description, examples: [example] });

/** `evaluate.metrics`: what the gate asks of each metric. */
export const metricRulesSchema = notEmpty(
  z.strictObject({
    auc: metric('Area under the ROC curve, 0 to 1; higher is better.', { min: 0.85, tolerance: 0.02 }),
    log_loss: metric('Mean negative log-likelihood of the true class, in nats; lower is better.', {
      max: 0.4,
      tolerance: '5%',
    }),
    accuracy: metric('Share of the rows that are predicted right, 0 to 1; higher is better.', {
      min: 0.85,
      tolerance: 0.02,
    }),
    f1: metric('Harmonic mean of precision and recall of the second class, 0 to 1; higher is better.', {
      min: 0.85,
      tolerance: 0.02,
    }),
    macro_f1: metric('Mean over the classes of their F1, 0 to 1; higher is better.', {
      min: 0.85,
      tolerance: 0.02,
    }),
    average_precision: metric(
      'Mean precision over the recall that each limit adds (area under the precision-recall curve), 0 to 1; higher is better.',
      { min: 0.7, tolerance: 0.02 },
    ),
    precision: metric(
      'Share of the rows predicted to be of the second class that are, 0 to 1; higher is better.',
      { min: 0.8, tolerance: 0.02 },
    ),
    recall: metric(
      'Share of the rows of the second class that are predicted to be, 0 to 1; higher is better.',
      { min: 0.8, tolerance: 0.02 },
    ),
    brier: metric('Mean squared difference of probability and truth, 0 to 1; lower is better.', {
      max: 0.15,
      tolerance: '5%',
    }),
    calibration_error: metric(
      'Expected difference of probability and share of the second class, over ten bins of equal width, 0 to 1; lower is better.',
      { max: 0.05, tolerance: 0.01 },
    ),
    rmse: metric("Root of the mean squared error, in the label's unit, from 0; lower is better.", {
      max: 12.5,
      tolerance: '5%',
    }),
    mae: metric("Mean absolute error, in the label's unit, from 0; lower is better.", {
      max: 10,
      tolerance: '5%',
    }),
    r2: metric("Share of the label's variance that is explained, at most 1; higher is better.", {
      min: 0.7,
      tolerance: 0.02,
    }),
    mape: metric(
      'Mean absolute error relative to the truth, as a share (0.1 is 10 %), from 0; lower is better.',
      { max: 0.1, tolerance: '5%' },
    ),
    quantile_loss: quantileRuleSchema.optional().meta({
      description:
        "Mean pinball loss of predictions that are meant to be a quantile, in the label's unit, from 0; lower is better.",
      examples: [{ quantile: 0.9, tolerance: '5%' }],
    }),
  } satisfies Record<MetricName, z.ZodType>),
  'metric',
).meta({
  description:
    'The gate: at least one metric of the task with its floor, its ceiling or its tolerance. Binary: auc, log_loss, ' +
    'accuracy, f1, average_precision, precision, recall, brier, calibration_error. Multiclass: accuracy, macro_f1, ' +
    'log_loss. Regression: rmse, mae, r2, mape, quantile_loss.',
  examples: [{ auc: { min: 0.85, tolerance: 0.02 }, log_loss: { tolerance: '5%' } }],
});
