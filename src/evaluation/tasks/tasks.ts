import { isTaskName, type MetricOf, TASK_NAMES, type TaskName } from '../../config/index.ts';
import { misuse } from '../../errors.ts';
import { quoted } from '../tables/columns.ts';
import { binaryClassification } from './binary-classification.ts';
import { multiclassClassification } from './multiclass-classification.ts';
import { regression } from './regression.ts';
import type { Task } from './task.ts';

const TASKS: { readonly [Name in TaskName]: Task<MetricOf<Name>> } = {
  'binary-classification': binaryClassification,
  'multiclass-classification': multiclassClassification,
  regression,
};

/** The task of this name. Throws the misuse `task-unsupported`. */
export function taskNamed(name: string): Task {
  if (isTaskName(name)) return TASKS[name];
  throw misuse(
    'task-unsupported',
    `The task ${quoted(name)} can't be evaluated; these can: ${TASK_NAMES.join(', ')}.`,
    'Correct evaluate.task in edgeloop.yaml.',
  );
}
