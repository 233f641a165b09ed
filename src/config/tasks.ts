import { z } from 'zod';
import { nearest } from './nearest.ts';

/** What a model may predict, and the metrics that it can be judged by; src/evaluation/tasks computes them. */
export const TASK_METRICS = {
  'binary-classification': ['auc', 'log_loss', 'accuracy', 'f1'],
  'multiclass-classification': ['accuracy', 'macro_f1', 'log_loss'],
} as const;

export type TaskName = keyof typeof TASK_METRICS;

/** The names of one task's metrics. */
export type MetricOf<Name extends TaskName> = (typeof TASK_METRICS)[Name][number];

/** True for the name of a task. */
export function isTaskName(name: string): name is TaskName {
  return Object.hasOwn(TASK_METRICS, name);
}

export const TASK_NAMES: readonly TaskName[] = Object.keys(TASK_METRICS).filter(isTaskName);

/** The names of all metrics, each once. */
export const METRIC_NAMES: readonly string[] = [...new Set(Object.values(TASK_METRICS).flat())];

const evaluateSchema = z.looseObject({
  task: z.enum(TASK_NAMES),
  metrics: z.record(z.string(), z.unknown()),
});

/** What is wrong with the metrics beside a task: each that the task does not have. */
export function refuseOtherMetrics(settings: unknown, context: z.core.$RefinementCtx): void {
  const evaluate = evaluateSchema.safeParse(settings).data;
  if (evaluate === undefined) return;
  const known: readonly string[] = TASK_METRICS[evaluate.task];
  for (const name of Object.keys(evaluate.metrics).filter((each) => !known.includes(each))) {
    const guess = nearest(name, known);
    const hint = guess === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${guess}"?`;
    context.addIssue({
      code: 'custom',
      path: ['metrics', name],
      message: `${evaluate.task} has no such metric; ${hint}`,
      input: undefined,
    });
  }
}
