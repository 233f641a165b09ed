import { expect, it } from 'vitest';
import { lastValues } from './metrics.ts';
import { minutesOf } from './run-details.ts';

const logged = (key: string, value: number, step: number, timestamp = 0) => ({ key, value, step, timestamp });

it('takes the value of the last step of each metric, of the last time within a step', () => {
  const all = [
    logged('auc', 0.9, 2),
    logged('auc', 0.7, 1),
    logged('loss', 0.3, 0, 20),
    logged('loss', 0.5, 0, 10),
  ];
  expect(lastValues(all)).toEqual({ auc: 0.9, loss: 0.3 });
});

it('leaves out what is no number', () => {
  expect(lastValues([logged('auc', Number.NaN, 0), logged('loss', Number.POSITIVE_INFINITY, 0)])).toEqual({});
});

it.each([
  [{ started: 60_000, ended: 150_000 }, 1.5],
  [{ started: undefined, ended: 150_000 }, undefined],
  [{ started: 60_000, ended: undefined }, undefined],
])('%j took %s minutes', (times, minutes) => {
  expect(minutesOf(times)).toBe(minutes);
});
