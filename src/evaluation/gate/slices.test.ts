import { describe, expect, it } from 'vitest';
import { gateInput, gateRules } from '../../../test/fixtures/gate-input.ts';
import { judge } from './gate.ts';
import type { GateInput } from './input.ts';
import type { Interval, Slice } from './record.ts';

const interval = (lower: number, upper: number, relative = false): Interval => ({
  lower,
  upper,
  level: 0.999,
  relative,
});

/** A metric that passes over all rows, and one slice of it. */
interface Given {
  metric?: string;
  tolerance?: { kind: 'absolute' | 'relative'; value: number };
  slice: Partial<Slice['metrics'][string]>;
}

const rules = ({ metric = 'auc', tolerance = { kind: 'absolute', value: 0.02 } }: Given) =>
  gateRules({ metrics: { [metric]: { tolerance } }, slices: ['state'] });

function input(given: Given): GateInput {
  const { metric = 'auc', tolerance } = given;
  const relative = tolerance?.kind === 'relative';
  const measured = {
    candidate: 0.5,
    champion: 0.5,
    improvement: 0,
    interval: null,
    tooFew: false,
    ...given.slice,
  };
  return gateInput({
    rows: 300,
    candidate: { [metric]: 0.9 },
    champion: { [metric]: 0.9 },
    intervals: { [metric]: { lower: 0, upper: 0, level: 0.95, relative } },
    slices: {
      columns: [{ column: 'state', values: 51, notJudged: 50, leastRows: 30 }],
      resamples: 2000,
      judged: [{ column: 'state', value: 'CA', rows: 300, metrics: { [metric]: measured } }],
    },
    rules: rules(given),
  });
}

describe('slices', () => {
  it.each<[string, Given]>([
    ['no worse', { slice: { interval: interval(0, 0) } }],
    ['perhaps much worse, perhaps not', { slice: { candidate: 0.4, interval: interval(-0.3, 0.05) } }],
    ['worse by no more than the tolerance', { slice: { candidate: 0.48, interval: interval(-0.03, -0.02) } }],
    ['minimised, better', { metric: 'log_loss', slice: { candidate: 0.3, interval: interval(0.1, 0.3) } }],
    [
      'worse by an allowed share',
      {
        tolerance: { kind: 'relative', value: 0.05 },
        slice: { candidate: 0.48, interval: interval(-0.06, -0.05, true) },
      },
    ],
    [
      'of too few rows of one class',
      { slice: { candidate: 0.1, interval: interval(-0.9, -0.5), tooFew: true } },
    ],
    ['undefined for both models, as the auc of one class is', { slice: { candidate: null, champion: null } }],
  ])('pass: %s', (_, given) => {
    const decision = judge(input(given));
    expect(decision.outcome).toBe('pass');
    expect(decision.reasons).toContain(
      'slices by state: 51, 50 of them not judged (fewer than 30 rows, or beyond the largest ones): none is worse than allowed beyond doubt',
    );
  });

  it.each<[string, Given, string]>([
    [
      'worse beyond doubt',
      { slice: { candidate: 0.4, improvement: -0.1, interval: interval(-0.2, -0.021) } },
      'in the slice state = CA (300 rows): auc 0.4 against 0.5: worse by 0.1, 99.9 % interval [-0.2, -0.021], allowed loss 0.02',
    ],
    [
      'minimised, worse beyond doubt',
      { metric: 'log_loss', slice: { candidate: 0.7, interval: interval(-0.3, -0.1) } },
      'log_loss 0.7 against 0.5: worse by 0.2',
    ],
    [
      'worse by a larger share than allowed',
      {
        tolerance: { kind: 'relative', value: 0.05 },
        slice: { candidate: 0.4, interval: interval(-0.3, -0.06, true) },
      },
      'worse by 0.1 (20 %), 99.9 % interval [-30 %, -6 %], allowed loss 5 %',
    ],
    ['not a number for the candidate alone', { slice: { candidate: null } }, 'auc of the candidate in the'],
    ['not a number for the champion alone', { slice: { champion: null } }, 'auc of the champion in the'],
    ['without an interval', { slice: {} }, 'has no interval of its improvement'],
    [
      'with an interval of the other kind',
      { slice: { interval: interval(0, 0, true) } },
      'is relative for a tolerance that is absolute',
    ],
    [
      'with a tolerance that is not a number',
      { tolerance: { kind: 'absolute', value: Number.NaN }, slice: { interval: interval(0, 0) } },
      'a tolerance that is not a number',
    ],
  ])('refuse: %s', (_, given, reason) => {
    const decision = judge(input(given));
    expect(decision.outcome).toBe('fail');
    expect(decision.reasons.join('\n')).toContain(reason);
  });

  it('refuse what was asked for and not measured', () => {
    const given = input({ slice: { interval: interval(0, 0) } });
    const reasons = (slices: GateInput['slices']) => judge({ ...given, slices }).reasons;
    expect(reasons(null)).toEqual(['the slices were not measured: evaluate again']);
    const { columns = [], judged = [], resamples = 0 } = given.slices ?? {};
    expect(reasons({ columns: [], judged, resamples })).toEqual([
      'the slices of state were not measured: evaluate again',
    ]);
    expect(reasons({ columns, judged: [], resamples })).toEqual([
      'the record of the slices of state is not complete: evaluate again',
    ]);
    const empty: Slice[] = judged.map(({ column, value, rows }) => ({ column, value, rows, metrics: {} }));
    expect(reasons({ columns, judged: empty, resamples })).toEqual([
      'auc in the slice state = CA (300 rows) was not measured: evaluate again',
    ]);
  });

  it('may be worse the smaller they are, as chance goes with the square root of the rows', () => {
    const given = input({ slice: { candidate: 0.4, improvement: -0.1, interval: interval(-0.5, -0.2) } });
    expect(judge({ ...given, rows: 30_000 }).outcome).toBe('pass');
    const { outcome, reasons } = judge({ ...given, rows: 29_000 });
    expect(outcome).toBe('fail');
    expect(reasons.join()).toContain('interval [-0.5, -0.2], allowed loss 0.197');
    expect(judge({ ...given, rows: Number.NaN }).outcome).toBe('fail');
  });

  it('are not judged by a metric without a tolerance', () => {
    const given = input({ slice: { interval: interval(0, 0) } });
    const metrics = { ...given.rules.metrics, f1: { min: 0.5 } };
    const candidate = { ...given.candidate, f1: 0.9 };
    expect(judge({ ...given, candidate, rules: { ...given.rules, metrics } }).outcome).toBe('pass');
  });

  it('are not compared without a champion', () => {
    const given = input({ slice: { champion: null, improvement: null } });
    const decision = judge({ ...given, champion: null, intervals: {} });
    expect(decision.outcome).toBe('first');
    expect(decision.reasons.join('\n')).toContain('not compared, there is nothing to compare with');
  });
});
