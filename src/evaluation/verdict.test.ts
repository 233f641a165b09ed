import { describe, expect, it } from 'vitest';
import { gateInput, gateRules, verdictOn } from '../../test/fixtures/gate-input.ts';
import { decideAgain, parseVerdict, type Verdict, verdictBytes } from './verdict.ts';

function verdict(): Verdict {
  return verdictOn(
    gateInput({
      candidate: { auc: 0.934, log_loss: 0.25, f1: null },
      champion: { auc: 0.913, log_loss: 0.2, f1: 0.5 },
      intervals: {
        auc: { lower: 0.005, upper: 0.037, level: 0.95, relative: false },
        log_loss: { lower: -0.3, upper: -0.1, level: 0.95, relative: true },
      },
      rules: gateRules({
        metrics: {
          log_loss: { tolerance: { kind: 'relative', value: 0.05 } },
          auc: { min: 0.85, tolerance: { kind: 'absolute', value: 0.02 } },
        },
        budget: { size: 10_000_000 },
      }),
    }),
  );
}

describe('a verdict', () => {
  it('is read back as it was written, and decided again the same way', () => {
    const written = verdict();
    const read = parseVerdict(verdictBytes(written));
    expect(read).toEqual(written);
    expect(decideAgain(read)).toEqual({
      outcome: written.outcome,
      reasons: written.reasons,
      warnings: written.warnings,
      metrics: written.metrics,
    });
    expect(read.outcome).toBe('fail');
  });

  it('has the same bytes in whatever order its keys were put', () => {
    const { rules, ...rest } = verdict();
    const metrics = Object.fromEntries(Object.entries(rules.metrics).toReversed());
    const other: Verdict = { rules: { ...rules, metrics }, ...rest };
    expect(verdictBytes(other)).toEqual(verdictBytes(verdict()));
  });

  it('of K classes is decided again by the metrics of its own task', () => {
    const written = verdictOn(
      gateInput({
        task: 'multiclass-classification',
        candidate: { accuracy: 0.95, macro_f1: 0.94, log_loss: 0.1 },
        rules: gateRules({ metrics: { log_loss: { max: 0.5 }, macro_f1: { min: 0.9 } } }),
      }),
    );
    expect(written.outcome).toBe('first');
    expect(decideAgain(parseVerdict(verdictBytes(written)))).toMatchObject({
      outcome: 'first',
      reasons: written.reasons,
    });
    const asBinary = decideAgain({ ...written, task: 'binary-classification' });
    expect(asBinary.outcome).toBe('fail');
    expect(asBinary.reasons.join()).toContain('macro_f1 is not a metric that is computed');
  });

  it('that was altered is decided otherwise', () => {
    const bettered = { ...verdict(), outcome: 'pass' as const };
    expect(decideAgain(parseVerdict(verdictBytes(bettered))).outcome).toBe('fail');
  });

  it.each([
    ['not json', 'is not JSON'],
    ['{"schema":"edgeloop.verdict/v2"}', 'schema'],
    [JSON.stringify({ ...verdict(), rows: '1667' }), 'rows'],
    [JSON.stringify({ ...verdict(), champion: 'sha256:12' }), 'champion'],
    [JSON.stringify({ ...verdict(), more: 1 }), 'more'],
  ])('is refused with what is wrong: %.40s', (text, reason) => {
    expect(() => parseVerdict(new TextEncoder().encode(text))).toThrow(
      expect.objectContaining({ code: 'verdict-invalid', message: expect.stringContaining(reason) }),
    );
  });
});
