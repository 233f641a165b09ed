import { refusal } from '../../../errors.ts';
import type { TrainingBudget } from '../../../training/index.ts';

/** What a training may still take, and has taken. */
export interface Spending {
  model: string;
  timeoutMs: number;
  /** What earlier attempts at the same training took. */
  earlierMinutes: number;
  /** How many these were. */
  attempts: number;
  /** Of a job file: time limits one after the other, and machines that each may take one. */
  size?: { steps: number; machines: number };
}

/** Throws the refusal `training-budget` when a job, at its longest, takes more than it may. */
export function requireBudget({ maxMinutes, maxCost, hourlyRate }: TrainingBudget, spending: Spending): void {
  const { model, timeoutMs, earlierMinutes, attempts, size } = spending;
  const { steps, machines } = size ?? { steps: 1, machines: 1 };
  const limit = timeoutMs / 60_000;
  const minutes = earlierMinutes + steps * limit;
  const before =
    attempts === 0
      ? ''
      : `, and ${attempts} earlier ${attempts === 1 ? 'attempt' : 'attempts'} took ${shown(earlierMinutes)}`;
  const on = machines === 1 ? '' : ` on ${machines} machines`;
  const sum = `the training of ${model} may take ${shown(steps * limit)} minutes${on}${before}`;
  if (maxMinutes !== undefined && minutes > maxMinutes) {
    throw refusal(
      'training-budget',
      `${sum}: more than "maxMinutes", which is ${maxMinutes}`,
      `Lower "timeout", or raise "maxMinutes" to ${Math.ceil(minutes)}.`,
    );
  }
  const cost = hourlyRate === undefined ? 0 : ((earlierMinutes + limit) / 60) * machines * hourlyRate;
  if (maxCost === undefined || cost <= maxCost) return;
  throw refusal(
    'training-budget',
    `${sum}: at ${hourlyRate} an hour that is ${shown(cost)}, more than "maxCost", which is ${maxCost}`,
    `Lower "timeout", or raise "maxCost" to ${Math.ceil(cost * 100) / 100}.`,
  );
}

const shown = (value: number): string => String(Math.round(value * 100) / 100);
