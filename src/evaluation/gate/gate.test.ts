import { describe, expect, it } from 'vitest';
import { gateInput, gateRules } from '../../../test/fixtures/gate-input.ts';
import { judge } from './gate.ts';
import type { GateInput } from './input.ts';
import type { Interval, MetricRule, Tolerance } from './record.ts';

const absolute = (value: number): Tolerance => ({ kind: 'absolute', value });
const relative = (value: number): Tolerance => ({ kind: 'relative', value });
const interval = (lower: number, upper: number, isRelative = false): Interval => ({
  lower,
  upper,
  level: 0.95,
  relative: isRelative,
});

/** One metric under one rule. */
interface Given {
  metric: string;
  rule: MetricRule;
  candidate: number | null;
  /** `undefined` for a first release. */
  champion: number | null | undefined;
  interval: Interval | null;
}

const first = (metric: string, rule: MetricRule, candidate: number | null): Given => ({
  metric,
  rule,
  candidate,
  champion: undefined,
  interval: null,
});
const versus = (
  metric: string,
  rule: MetricRule,
  candidate: number,
  champion: number | null,
  found: Interval | null,
): Given => ({ metric, rule, candidate, champion, interval: found });

function input({ metric, rule, candidate, champion, interval: found }: Given): GateInput {
  return gateInput({
    candidate: { [metric]: candidate },
    champion: champion === undefined ? null : { [metric]: champion },
    intervals: { [metric]: found },
    rules: gateRules({ metrics: { [metric]: rule } }),
  });
}

const allowing = (value: number): MetricRule => ({ tolerance: absolute(value) });
const allowingShare = (value: number): MetricRule => ({ tolerance: relative(value) });
const none = interval(0, 0);
const nan = Number.NaN;

describe('judge', () => {
  it.each<[Given, string]>([
    // A first release: floors alone decide.
    [first('auc', { min: 0.85 }, 0.913), 'auc 0.913 holds the min 0.85'],
    [first('auc', { min: 0.85 }, 0.85), 'auc 0.85 holds the min 0.85'],
    [first('log_loss', { max: 0.4 }, 0.2), 'log_loss 0.2 holds the max 0.4'],
    [first('auc', allowing(0.02), 0.913), 'auc 0.913 was not compared: there is no champion yet'],
  ])('first release passes: %j', (given, reason) => {
    expect(judge(input(given))).toMatchObject({
      outcome: 'first',
      metrics: { [given.metric]: { passed: true } },
    });
    expect(judge(input(given)).reasons.join('\n')).toContain(reason);
  });

  it.each<[Given, string]>([
    [
      versus('auc', allowing(0.02), 0.934, 0.913, interval(0.005, 0.037)),
      'auc 0.934 against 0.913: better by 0.021, 95 % interval [0.005, 0.037], allowed loss 0.02',
    ],
    [
      versus('auc', allowing(0.02), 0.908, 0.913, interval(-0.02, 0.01)),
      'auc 0.908 against 0.913: worse by 0.005, 95 % interval [-0.02, 0.01], allowed loss 0.02',
    ],
    [
      versus('auc', allowing(0), 0.9, 0.9, none),
      'auc 0.9 against 0.9: the same, 95 % interval [0, 0], allowed loss 0',
    ],
    [
      versus('auc', { min: 0.85 }, 0.86, 0.99, interval(-0.2, -0.1)),
      'auc 0.86 was not compared: no tolerance is set',
    ],
    [
      versus('auc', allowingShare(0.05), 0.95, 0.9, interval(-0.05, 0.1, true)),
      'auc 0.95 against 0.9: better by 0.05 (5.6 %), 95 % interval [-5 %, 10 %], allowed loss 5 %',
    ],
    [
      versus('log_loss', allowing(0.02), 0.18, 0.2, interval(-0.02, 0.05)),
      'log_loss 0.18 against 0.2: better by 0.02, 95 % interval [-0.02, 0.05], allowed loss 0.02',
    ],
    [
      versus('log_loss', allowingShare(0.05), 0.18, 0.2, interval(0.02, 0.18, true)),
      'log_loss 0.18 against 0.2: better by 0.02 (10 %), 95 % interval [2 %, 18 %], allowed loss 5 %',
    ],
  ])('a candidate that is not worse passes: %j', (given, reason) => {
    expect(judge(input(given))).toMatchObject({
      outcome: 'pass',
      metrics: { [given.metric]: { passed: true } },
    });
    expect(judge(input(given)).reasons.join('\n')).toContain(reason);
  });

  it.each<[Given, string]>([
    [first('auc', { min: 0.85 }, 0.849_96), 'auc 0.84996 is below the min 0.85'],
    [first('log_loss', { max: 0.4 }, 0.5), 'log_loss 0.5 is above the max 0.4'],
    [first('auc', { min: 0.5, max: 0.99 }, 0.995), 'auc 0.995 is above the max 0.99'],
    [
      versus('auc', allowing(0.02), 0.908, 0.913, interval(-0.020_01, 0.01)),
      '95 % interval [-0.02001, 0.01], allowed loss 0.02',
    ],
    [
      versus('auc', { min: 0.95, ...allowing(0.02) }, 0.94, 0.9, interval(0.01, 0.06)),
      'auc 0.94 is below the min 0.95',
    ],
    [
      versus('auc', allowingShare(0.05), 0.8, 0.9, interval(-0.2, -0.06, true)),
      'auc 0.8 against 0.9: worse by 0.1 (11.1 %), 95 % interval [-20 %, -6 %], allowed loss 5 %',
    ],
    [
      versus('log_loss', allowing(0.02), 0.25, 0.2, interval(-0.1, -0.01)),
      'log_loss 0.25 against 0.2: worse by 0.05, 95 % interval [-0.1, -0.01], allowed loss 0.02',
    ],
    [
      versus('log_loss', allowingShare(0.05), 0.25, 0.2, interval(-0.31, -0.19, true)),
      'log_loss 0.25 against 0.2: worse by 0.05 (25 %), 95 % interval [-31 %, -19 %], allowed loss 5 %',
    ],
  ])('a candidate that is worse is refused: %j', (given, reason) => {
    expect(judge(input(given))).toMatchObject({
      outcome: 'fail',
      metrics: { [given.metric]: { passed: false } },
    });
    expect(judge(input(given)).reasons.join('\n')).toContain(reason);
  });

  it.each<[string, Given, string]>([
    ['candidate missing', first('auc', { min: 0.5 }, null), 'evaluate it again'],
    ['candidate NaN', first('auc', { min: 0.5 }, nan), 'auc of the candidate is missing or not a number'],
    ['champion missing', versus('auc', allowing(1), 0.9, null, none), 'evaluate the champion again'],
    ['champion NaN', versus('auc', allowing(1), 0.9, nan, none), 'auc of the champion is missing'],
    ['interval missing', versus('auc', allowing(1), 0.9, 0.9, null), 'auc has no interval'],
    ['relative interval missing', versus('auc', allowingShare(1), 0.9, 0, null), 'set an absolute tolerance'],
    ['interval NaN', versus('auc', allowing(1), 0.9, 0.9, interval(nan, 1)), 'auc has no interval'],
    ['interval endless', versus('auc', allowing(1), 0.9, 0.9, interval(-Infinity, 1)), 'auc has no interval'],
    [
      'other interval',
      versus('auc', allowing(1), 0.9, 0.9, interval(0, 0, true)),
      'the interval of auc is relative',
    ],
    [
      'absolute interval',
      versus('auc', allowingShare(1), 0.9, 0.9, interval(0, 0)),
      'the interval of auc is absolute for a tolerance that is relative',
    ],
    ['tolerance NaN', versus('auc', allowing(nan), 0.9, 0.9, none), 'a tolerance that is not a number'],
    ['tolerance negative', versus('auc', allowing(-1), 0.9, 0.9, interval(2, 3)), 'of at least 0'],
    ['floor NaN', first('auc', { min: nan }, 0.9), 'a min that is not a number'],
    ['rule that asks nothing', first('auc', {}, 0.9), 'auc has no rule: give it min, max or tolerance'],
    ['unknown metric', first('rocauc', { min: 0.5 }, 0.9), 'use one of auc, log_loss'],
    ['unknown metric of both', versus('rocauc', { min: 0.5 }, 0.9, 0.8, none), 'use one of auc, log_loss'],
    ['a name that every object has', first('toString', { min: 0.5 }, 0.9), 'toString is not a metric'],
  ])('refuses and says what to do: %s', (_, given, reason) => {
    expect(judge(input(given))).toMatchObject({
      outcome: 'fail',
      metrics: { [given.metric]: { passed: false } },
    });
    expect(judge(input(given)).reasons.join('\n')).toContain(reason);
  });

  it('a gate without a metric refuses', () => {
    const decision = judge({ ...input(first('auc', {}, 1)), rules: gateRules() });
    expect(decision.outcome).toBe('fail');
    expect(decision.reasons).toEqual(['no metric is configured: add one under evaluate.metrics']);
  });

  describe('without a champion that can be compared with', () => {
    const notComparable = 'input "plan" of the candidate is not in the champion';
    const given = (rule: MetricRule, value: number) =>
      judge({ ...input(first('log_loss', rule, value)), notComparable });

    it('floors and budgets decide, and it is no first release', () => {
      expect(given({ max: 0.4, tolerance: absolute(0) }, 0.3)).toMatchObject({ outcome: 'pass' });
      expect(given({ max: 0.4 }, 0.3).reasons).toEqual([
        `no comparison with the champion was possible: ${notComparable}; floors and budgets decide`,
        'log_loss 0.3 holds the max 0.4',
        'log_loss 0.3 was not compared: no comparison with the champion was possible',
        ...unchecked,
      ]);
      expect(given({ max: 0.4 }, 0.5)).toMatchObject({ outcome: 'fail' });
    });

    it('a gate without a floor refuses: a changed model signature is no way around it', () => {
      const { outcome, reasons } = given({ tolerance: absolute(0.02) }, 0.3);
      expect(outcome).toBe('fail');
      expect(reasons[0]).toContain('no metric has a floor: set min or max');
    });
  });

  it('one metric that fails is enough, and only what speaks against the candidate is a reason', () => {
    const decision = judge(
      gateInput({
        candidate: { auc: 0.9, f1: 0.2, accuracy: 0.9 },
        rules: gateRules({ metrics: { auc: { min: 0.8 }, f1: { min: 0.5 } } }),
        sizeBytes: null,
      }),
    );
    expect(decision).toEqual({
      outcome: 'fail',
      warnings: [],
      reasons: ['f1 0.2 is below the min 0.5'],
      metrics: {
        auc: { ...unjudged, candidate: 0.9, floor: { min: 0.8 }, passed: true },
        f1: { ...unjudged, candidate: 0.2, floor: { min: 0.5 }, passed: false },
        accuracy: { ...unjudged, candidate: 0.9 },
      },
    });
  });

  it('takes a metric that was not measured at all for missing', () => {
    const rules = gateRules({ metrics: { auc: { min: 0.5, tolerance: absolute(1) } } });
    const missing = judge(gateInput({ rules }));
    expect(missing).toMatchObject({ outcome: 'fail', metrics: { auc: { candidate: null } } });
    const alone = judge(gateInput({ rules, candidate: { auc: 0.9 }, champion: {} }));
    expect(alone.reasons).toEqual([
      'auc of the champion is missing or not a number: evaluate the champion again',
    ]);
    const unbounded = judge(gateInput({ rules, candidate: { auc: 0.9 }, champion: { auc: 0.9 } }));
    expect(unbounded.reasons).toEqual(['auc has no interval of its improvement: evaluate again']);
  });

  it('records what it compared', () => {
    const found = interval(-0.01, 0.03);
    const rule = { max: 1, tolerance: absolute(0.02) };
    const decision = judge(input(versus('log_loss', rule, 0.25, 0.5, found)));
    expect(decision.metrics).toEqual({
      log_loss: {
        candidate: 0.25,
        champion: 0.5,
        improvement: 0.25,
        interval: found,
        tolerance: absolute(0.02),
        floor: { max: 1 },
        passed: true,
      },
    });
  });
});

const unchecked = [
  'shift of the training data: not applicable, there is no champion yet',
  'shift of the holdout: not applicable, there is no champion yet',
  'rows of the holdout in the training data: not applicable, the holdout is not a table',
];

const unjudged = {
  champion: null,
  improvement: null,
  interval: null,
  tolerance: null,
  floor: null,
  passed: null,
};
