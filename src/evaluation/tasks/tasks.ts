import { isTaskName, type MetricOf, TASK_METRICS, type TaskName } from '../../config/index.ts';
import { misuse } from '../../errors.ts';
import { quoted } from '../columns.ts';
import { binaryClassification } from './binary-classification.ts';
import { multiclassClassification } from './multiclass-classification.ts';
import type { Task } from './task.ts';

const TASKS: { readonly [Name in TaskName]: Task<MetricOf<Name>> } = {
  'binary-classification': binaryClassification,
  'multiclass-classification': multiclassClassification,
};

/** The task of this name. Throws the misuse `task-unsupported`. */
export function taskNamed(name: string): Task {
  if (isTaskName(name)) return TASKS[name];
  throw misuse(
    'task-unsupported',
    `The task ${quoted(name)} can't be evaluated; ${Object.keys(TASK_METRICS).join(' and ')} can.`,
    'Correct evaluate.task in edgeloop.yaml.',
  );
}
