import { describe, expect, it } from 'vitest';
import { requireBudget } from './budget.ts';

const FREE = { maxMinutes: undefined, maxCost: undefined, hourlyRate: undefined };
const spending = (timeoutMinutes: number, earlierMinutes = 0, attempts = 0) => ({
  model: 'churn',
  timeoutMs: timeoutMinutes * 60_000,
  earlierMinutes,
  attempts,
});

describe('the budget of a training', () => {
  it.each([
    ['nothing is limited', FREE, spending(10_000)],
    ['it fits to the minute', { ...FREE, maxMinutes: 60 }, spending(30, 30, 1)],
    ['it fits to the cent', { ...FREE, maxCost: 0.5, hourlyRate: 1 }, spending(30)],
    ['a rate alone limits nothing', { ...FREE, hourlyRate: 100 }, spending(600)],
  ])('lets it run when %s', (_, budget, wanted) => {
    expect(() => requireBudget(budget, wanted)).not.toThrow();
  });

  it.each([
    [
      'its own time limit',
      { ...FREE, maxMinutes: 20 },
      spending(30),
      /may take 30 minutes: more than "maxMinutes", which is 20/,
    ],
    [
      'what earlier attempts took',
      { ...FREE, maxMinutes: 60 },
      spending(30, 30.5, 2),
      /2 earlier attempts took 30\.5/,
    ],
    [
      'what it costs',
      { ...FREE, maxMinutes: 60, maxCost: 5, hourlyRate: 10.01 },
      spending(30),
      /at 10\.01 an hour that is 5\.01, more than "maxCost", which is 5/,
    ],
  ])('refuses it for %s', (_, budget, wanted, message) => {
    const refuse = () => requireBudget(budget, wanted);
    expect(refuse).toThrow(expect.objectContaining({ code: 'training-budget', exitCode: 3 }));
    expect(refuse).toThrow(message);
  });
});
