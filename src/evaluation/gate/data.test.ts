import { describe, expect, it } from 'vitest';
import { gateInput, gateRules, UNCHECKED } from '../../../test/fixtures/gate-input.ts';
import { judge } from './gate.ts';
import type { DataLimits, DataRecord, FeatureShift } from './record.ts';

const feature = (given: Partial<FeatureShift> = {}): FeatureShift => ({
  column: 'minutes',
  psi: 0.01,
  unknown: null,
  examples: [],
  ...given,
});
const shifted = (...features: FeatureShift[]): DataRecord['train'] => ({
  outcome: 'measured',
  rows: 2000,
  part: 'all',
  sampled: false,
  features,
  absent: [],
});
const overlapping = (found: number, sampled = false): DataRecord['overlap'] => ({
  outcome: 'measured',
  rows: 1000,
  found,
  trainingRows: 2000,
  sampled,
});

function decide(data: Partial<DataRecord> | null, limits: Partial<DataLimits> = {}) {
  const rules = gateRules({ metrics: { auc: { min: 0.5 } } });
  return judge(
    gateInput({
      candidate: { auc: 0.9 },
      rules: { ...rules, checks: { ...rules.checks, ...limits } },
      data: data && { ...UNCHECKED, ...data },
    }),
  );
}

describe('the checks of the data', () => {
  it.each<[string, Partial<DataRecord>, string]>([
    ['nothing to compare', {}, 'shift of the training data: not applicable, there is no champion yet'],
    [
      'shifts that are allowed',
      { train: shifted(feature(), feature({ column: 'calls', psi: 2 })) },
      "the training data (2000 rows) against the champion's training data: every shift is allowed, the largest PSI is 2 (calls)",
    ],
    [
      'new rows',
      { train: { ...shifted(feature()), part: 'new' } as never },
      'the training data (2000 new rows)',
    ],
    [
      'a sample',
      { holdout: { ...shifted(feature()), sampled: true } as never },
      'the holdout (a sample of 2000 rows)',
    ],
    [
      'no overlap',
      { overlap: overlapping(0) },
      '0 of 1000 rows of the holdout (0 %) are in the training data',
    ],
    [
      'an allowed overlap',
      { overlap: overlapping(10, true) },
      '(1 %) are in a sample of the training data, allowed 1 %',
    ],
  ])('pass and are recorded: %s', (_, data, reason) => {
    const { outcome, reasons } = decide(data);
    expect(outcome).toBe('first');
    expect(reasons.join('\n')).toContain(reason);
  });

  it.each<[string, Partial<DataRecord> | null, string]>([
    [
      'seconds for minutes',
      { train: shifted(feature({ psi: 12.4 })) },
      "minutes in the training data has shifted: PSI 12.4 against the champion's training data, allowed 2: check its unit and its source, or raise evaluate.checks.psi",
    ],
    ['a shifted holdout', { holdout: shifted(feature({ psi: 2.01 })) }, 'minutes in the holdout has shifted'],
    [
      'a shift that is not a number',
      { train: shifted(feature({ psi: Number.NaN })) },
      'is not a number: evaluate again',
    ],
    [
      'unknown categories',
      { train: shifted(feature({ column: 'plan', unknown: 0.21, examples: ['True', 'False'] })) },
      '21 % of the training data hold a plan that the champion was not trained on ("True", "False"), allowed 20 %',
    ],
    [
      'unknown, not a number',
      { train: shifted(feature({ unknown: Number.NaN })) },
      'NaN % of the training data',
    ],
    [
      'an overlap',
      { overlap: overlapping(11) },
      '11 of 1000 rows of the holdout (1.1 %) are in the training data, allowed 1 %: take them out',
    ],
    ['rows that were not counted', { overlap: { ...overlapping(0), rows: 0 } as never }, 'were not counted'],
    ['nothing recorded', null, 'the data were not checked: evaluate again'],
  ])('refuse: %s', (_, data, reason) => {
    const { outcome, reasons } = decide(data);
    expect(outcome).toBe('fail');
    expect(reasons.join('\n')).toContain(reason);
  });

  it.each(['psi', 'unknown', 'overlap'])('refuse a limit of %s that is not a number', (name) => {
    const { outcome, reasons } = decide({}, { [name]: Number.NaN });
    expect(outcome).toBe('fail');
    expect(reasons.join()).toContain(`correct evaluate.checks.${name}`);
  });

  it('tell of what is allowed from a PSI of 0.25 on, of unknown categories, and of columns that are gone', () => {
    const features = [
      feature({ psi: 0.249 }),
      feature({ column: 'calls', psi: 0.25 }),
      feature({ column: 'state', unknown: 0.05, examples: ['XX'] }),
    ];
    const train = { ...shifted(...features), absent: ['fax'] } as DataRecord['train'];
    expect(decide({ train }).warnings).toEqual([
      'the training data has no fax any more, which the champion was trained on.',
      "calls in the training data has shifted: PSI 0.25 against the champion's training data.",
      '5 % of the training data hold a state that the champion was not trained on ("XX").',
    ]);
  });

  it('have nothing to say of a shift when no value of any feature is frequent enough', () => {
    const { reasons } = decide({ train: shifted(feature({ psi: null })) });
    expect(reasons).toContain(
      "the training data (2000 rows) against the champion's training data: every shift is allowed; too few rows of each value for a PSI: minutes",
    );
  });

  it('name the features whose values are too rare for a PSI', () => {
    const train = shifted(feature(), feature({ column: 'phone', psi: null }));
    const { outcome, reasons } = decide({ train });
    expect(outcome).toBe('first');
    expect(reasons.join('\n')).toContain('too few rows of each value for a PSI: phone');
  });
});
