import { z } from 'zod';
import { nearest } from './nearest.ts';

/** What a model may predict, and the metrics that it can be judged by; src/evaluation/tasks computes them. */
export const TASK_METRICS = {
  'binary-classification': [
    'auc',
    'log_loss',
    'accuracy',
    'f1',
    'average_precision',
    'precision',
    'recall',
    'brier',
    'calibration_error',
  ],
  'multiclass-classification': ['accuracy', 'macro_f1', 'log_loss'],
  regression: ['rmse', 'mae', 'r2', 'mape', 'quantile_loss'],
} as const;

export type TaskName = keyof typeof TASK_METRICS;

/** The names of one task's metrics. */
export type MetricOf<Name extends TaskName> = (typeof TASK_METRICS)[Name][number];

/** True for the name of a task. */
export function isTaskName(name: string): name is TaskName {
  return Object.hasOwn(TASK_METRICS, name);
}

export const TASK_NAMES: readonly TaskName[] = Object.keys(TASK_METRICS).filter(isTaskName);

/** The names of all metrics. */
export type MetricName = MetricOf<TaskName>;

const METRIC_NAMES: ReadonlySet<string> = new Set(Object.values(TASK_METRICS).flat());

const settingsSchema = z.looseObject({
  evaluate: z.looseObject({ task: z.enum(TASK_NAMES), metrics: z.record(z.string(), z.unknown()) }),
});

function refuseOtherMetrics(settings: unknown, context: z.core.$RefinementCtx): void {
  const evaluate = settingsSchema.safeParse(settings).data?.evaluate;
  if (evaluate === undefined) return;
  const { task, metrics } = evaluate;
  const known: readonly string[] = TASK_METRICS[task];
  // What is no metric at all is told as any other unknown key.
  for (const name of Object.keys(metrics).filter((each) => METRIC_NAMES.has(each) && !known.includes(each))) {
    const guess = nearest(name, known);
    const hint = guess === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${guess}"?`;
    context.addIssue({
      code: 'custom',
      path: ['evaluate', 'metrics', name],
      message: `${task} has no such metric; ${hint}`,
      input: undefined,
    });
  }
}

/**
 * Of one model's settings: refuses each metric that the task beside it does not have; also where something else is
 * wrong, since all errors are told at once.
 */
export const metricsOfTheTask = z.superRefine(refuseOtherMetrics, { when: () => true });
