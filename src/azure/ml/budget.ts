import { refusal } from '../../errors.ts';
import type { TrainingBudget } from '../../training/index.ts';

/** What a training may still take, and has taken. */
export interface Spending {
  model: string;
  timeoutMs: number;
  /** What earlier attempts at the same training took. */
  earlierMinutes: number;
  /** How many these were. */
  attempts: number;
}

/** Throws the refusal `training-budget` when a job, at its longest, takes more than it may. */
export function requireBudget({ maxMinutes, maxCost, hourlyRate }: TrainingBudget, spending: Spending): void {
  const { model, timeoutMs, earlierMinutes, attempts } = spending;
  const minutes = earlierMinutes + timeoutMs / 60_000;
  const before =
    attempts === 0
      ? ''
      : `, and ${attempts} earlier ${attempts === 1 ? 'attempt' : 'attempts'} took ${shown(earlierMinutes)}`;
  const sum = `the training of ${model} may take ${shown(timeoutMs / 60_000)} minutes${before}`;
  if (maxMinutes !== undefined && minutes > maxMinutes) {
    throw refusal(
      'training-budget',
      `${sum}: more than "maxMinutes", which is ${maxMinutes}`,
      `Lower "timeout", or raise "maxMinutes" to ${Math.ceil(minutes)}.`,
    );
  }
  const cost = hourlyRate === undefined ? 0 : (minutes / 60) * hourlyRate;
  if (maxCost === undefined || cost <= maxCost) return;
  throw refusal(
    'training-budget',
    `${sum}: at ${hourlyRate} an hour that is ${shown(cost)}, more than "maxCost", which is ${maxCost}`,
    `Lower "timeout", or raise "maxCost" to ${Math.ceil(cost * 100) / 100}.`,
  );
}

const shown = (value: number): string => String(Math.round(value * 100) / 100);
