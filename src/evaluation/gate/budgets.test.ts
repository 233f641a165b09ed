import { describe, expect, it } from 'vitest';
import { gateInput, gateRules } from '../../../test/fixtures/gate-input.ts';
import { judge } from './gate.ts';
import type { GateInput } from './input.ts';
import type { Latency, Rules } from './record.ts';

function decide(budget: Rules['budget'], given: Partial<GateInput>) {
  const rules = gateRules({ metrics: { auc: { min: 0.5 } }, budget });
  const { outcome, reasons } = judge(gateInput({ candidate: { auc: 0.9 }, rules, ...given }));
  return { outcome, reasons: reasons.join('\n') };
}

const times = { p50Ms: 2, p95Ms: 4 };
const measured = (ratio: Latency['ratio'], runner: string | null = null): Latency => ({
  runs: 400,
  candidate: times,
  champion: ratio === null ? null : times,
  ratio,
  runner,
});
const ratio = (value: number, lower: number, upper: number) => ({ value, lower, upper, level: 0.95 });

describe('budgets', () => {
  it.each([
    ['size', 1000, 1000, 'first', 'size 1 kB (1000 bytes) is within the budget of 1 kB'],
    ['size', 999, 1000, 'fail', 'size 1 kB (1000 bytes) is over the budget of 999 B'],
    ['size', 999, null, 'fail', 'the size of the candidate is missing: evaluate it again'],
    ['size', 999, Number.NaN, 'fail', 'the size of the candidate is missing'],
    ['size', 999, Number.POSITIVE_INFINITY, 'fail', 'the size of the candidate is missing'],
    ['size', Number.NaN, 1, 'fail', 'the size budget is not a number: correct evaluate.budget.size'],
    ['memory', 2e8, 134_217_728, 'first', 'memory 134.2 MB (134217728 bytes) is within the budget of 200 MB'],
    ['memory', 1e8, 134_217_728, 'fail', 'is over the budget of 100 MB'],
    ['memory', 1e8, null, 'fail', 'it is measured on Linux only'],
    ['memory', Number.NaN, 1, 'fail', 'correct evaluate.budget.memory'],
  ])('%s of %f with %f: %s', (what, limit, found, outcome, reason) => {
    const decision = decide({ [what]: limit }, { [`${what}Bytes`]: found });
    expect(decision.outcome).toBe(outcome);
    expect(decision.reasons).toContain(reason);
  });

  it.each<[string, Latency | null, string, string]>([
    [
      'within',
      measured(ratio(1.1, 0.9, 1.3)),
      'pass',
      "1.1 times the champion's in the same run, interval [0.9, 1.3], within",
    ],
    ['perhaps over', measured(ratio(1.4, 1.2, 1.6)), 'pass', 'within the budget of 1.2x'],
    ['over beyond doubt', measured(ratio(1.4, 1.21, 1.6)), 'fail', 'over the budget of 1.2x'],
    ['not measured', null, 'fail', 'the latency of the candidate was not measured'],
    ['champion not measured', measured(null), 'fail', 'the latency of the champion was not measured'],
    [
      'not a number',
      measured(ratio(1, Number.NaN, 1)),
      'fail',
      'the latency of the champion was not measured',
    ],
  ])('relative latency, %s', (_, latency, outcome, reason) => {
    const champion = { auc: 0.9 };
    const decision = decide({ latency: { kind: 'relative', value: 1.2 } }, { champion, latency });
    expect(decision.outcome).toBe(outcome);
    expect(decision.reasons).toContain(reason);
  });

  it('relative latency of a first release is not compared', () => {
    const decision = decide({ latency: { kind: 'relative', value: 1.2 } }, { latency: measured(null) });
    expect(decision).toMatchObject({ outcome: 'first' });
    expect(decision.reasons).toContain('latency was not compared: there is no champion yet');
  });

  it('relative latency holds also when the metrics could not be compared', () => {
    const given = { latency: measured(ratio(2, 1.5, 2.5)), notComparable: 'another input' };
    expect(decide({ latency: { kind: 'relative', value: 1.2 } }, given).outcome).toBe('fail');
  });

  it.each<[string, Rules['budget'], string | null, string, string]>([
    ['within', { runner: 'box' }, 'box', 'first', 'p95 latency 4 ms on box is within the budget of 4 ms'],
    [
      'on another machine',
      { runner: 'box' },
      'laptop',
      'fail',
      'latency was measured on laptop, and the budget is for box',
    ],
    ['on a machine without a name', { runner: 'box' }, null, 'fail', 'measured on a machine without a name'],
    ['without a machine', {}, 'box', 'fail', 'name it as evaluate.budget.runner'],
  ])('a time %s', (_, budget, runner, outcome, reason) => {
    const latency = measured(null, runner);
    const decision = decide({ latency: { kind: 'absolute', value: 4 }, ...budget }, { latency });
    expect(decision.outcome).toBe(outcome);
    expect(decision.reasons).toContain(reason);
  });

  it('a time that is exceeded, or no number, is refused', () => {
    const latency = measured(null, 'box');
    const slower = decide({ latency: { kind: 'absolute', value: 3.9 }, runner: 'box' }, { latency });
    expect(slower).toMatchObject({ outcome: 'fail' });
    expect(slower.reasons).toContain('is over the budget of 3.9 ms');
    const none = { ...latency, candidate: { p50Ms: 1, p95Ms: Number.NaN } };
    expect(
      decide({ latency: { kind: 'absolute', value: 9 }, runner: 'box' }, { latency: none }).outcome,
    ).toBe('fail');
    expect(decide({ latency: { kind: 'absolute', value: 0 } }, { latency }).reasons).toContain(
      'correct evaluate.budget.latency',
    );
  });
});
