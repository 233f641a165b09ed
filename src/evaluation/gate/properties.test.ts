import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gateInput, gateRules } from '../../../test/fixtures/gate-input.ts';
import { judge } from './gate.ts';
import type { MetricRule, Outcome } from './record.ts';
import { TASK_NAMES } from '../../config/index.ts';
import { taskNamed } from '../tasks/tasks.ts';

interface Given {
  task: string;
  metric: string;
  rule: MetricRule;
  candidate: number;
  champion: number;
  lower: number;
  upper: number;
}

function outcome({ task, metric, rule, candidate, champion, lower, upper }: Given): Outcome {
  const relative = rule.tolerance?.kind === 'relative';
  return judge(
    gateInput({
      task,
      candidate: { [metric]: candidate },
      champion: { [metric]: champion },
      intervals: { [metric]: { lower, upper, level: 0.95, relative } },
      rules: gateRules({ metrics: { [metric]: rule } }),
    }),
  ).outcome;
}

const metrics = fc.constantFrom(
  ...TASK_NAMES.flatMap((task) => Object.keys(taskNamed(task).metrics).map((metric) => ({ task, metric }))),
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const tolerances = fc.record({
  kind: fc.constantFrom('absolute' as const, 'relative' as const),
  value: share,
});

describe('judge, whatever the values', () => {
  it('passes a candidate equal to the champion when the floors hold', () => {
    fc.assert(
      fc.property(metrics, share, tolerances, fc.boolean(), (one, score, tolerance, floored) => {
        const rule = { tolerance, ...(floored ? { min: score, max: score } : {}) };
        expect(outcome({ ...one, rule, candidate: score, champion: score, lower: 0, upper: 0 })).toBe('pass');
      }),
    );
  });

  it('never passes a candidate that got worse than one it refused', () => {
    const given = fc.record({
      metric: metrics,
      tolerance: tolerances,
      score: share,
      champion: share,
      lower: fc.double({ min: -1, max: 1, noNaN: true }),
      width: share,
      floor: share,
      loss: share,
    });
    const refusedFirst =
      (worse: boolean) =>
      (each: typeof given extends fc.Arbitrary<infer T> ? T : never): Outcome => {
        const loss = worse ? each.loss : 0;
        const maximise = taskNamed(each.metric.task).metrics[each.metric.metric]?.direction === 'maximise';
        const { tolerance, floor } = each;
        return outcome({
          ...each.metric,
          rule: maximise ? { tolerance, min: floor } : { tolerance, max: floor },
          candidate: maximise ? each.score - loss : each.score + loss,
          champion: each.champion,
          lower: each.lower - loss,
          upper: each.lower - loss + each.width,
        });
      };
    const [before, after] = [refusedFirst(false), refusedFirst(true)];
    fc.assert(
      fc.property(given, (each) => {
        expect([before(each), after(each)]).not.toEqual(['fail', 'pass']);
      }),
    );
  });

  // Everything that the gate looks at, of one metric: each number that can be worse has a loss of its own.
  const whole = fc.record({
    one: metrics,
    tolerance: tolerances,
    score: share,
    lower: fc.double({ min: -0.1, max: 0.1, noNaN: true }),
    upper: share,
    sliceUpper: fc.double({ min: -0.2, max: 0.2, noNaN: true }),
    latency: fc.double({ min: 0.8, max: 1.5, noNaN: true }),
    memory: fc.nat(2000),
    size: fc.nat(2000),
    psi: fc.double({ min: 0, max: 4, noNaN: true }),
    unknown: share,
    found: fc.nat(30),
    loss: share,
    worse: fc.constantFrom(
      'metric',
      'slice',
      'latency',
      'memory',
      'size',
      'psi',
      'unknown',
      'overlap',
      'none',
    ),
  });
  type Whole = typeof whole extends fc.Arbitrary<infer T> ? T : never;

  function decideAll(each: Whole, losing: boolean): Outcome {
    const { task, metric } = each.one;
    const relative = each.tolerance.kind === 'relative';
    const loss = (what: Whole['worse']): number => (losing && each.worse === what ? each.loss : 0);
    const sign = taskNamed(task).metrics[metric]?.direction === 'maximise' ? 1 : -1;
    const score = each.score - sign * loss('metric');
    const interval = (lower: number, upper: number) => ({ lower, upper, level: 0.95, relative });
    const shift = {
      outcome: 'measured' as const,
      rows: 1000,
      part: 'all' as const,
      sampled: false,
      absent: [],
      features: [
        { column: 'x', psi: each.psi + loss('psi'), unknown: each.unknown + loss('unknown'), examples: [] },
      ],
    };
    return judge(
      gateInput({
        task,
        candidate: { [metric]: score },
        champion: { [metric]: each.score },
        intervals: {
          [metric]: interval(each.lower - loss('metric'), each.lower + each.upper - loss('metric')),
        },
        slices: {
          columns: [{ column: 'state', values: 1, notJudged: 0, leastRows: 30 }],
          resamples: 2000,
          judged: [
            {
              column: 'state',
              value: 'CA',
              rows: 100,
              metrics: {
                [metric]: {
                  candidate: score,
                  champion: each.score,
                  improvement: 0,
                  tooFew: false,
                  interval: interval(-1, each.sliceUpper - loss('slice')),
                },
              },
            },
          ],
        },
        latency: {
          runs: 400,
          candidate: { p50Ms: 1, p95Ms: 1 },
          champion: { p50Ms: 1, p95Ms: 1 },
          ratio: { value: 1, lower: each.latency + loss('latency'), upper: 9, level: 0.95 },
          runner: null,
        },
        memoryBytes: each.memory + loss('memory') * 1000,
        sizeBytes: each.size + loss('size') * 1000,
        data: {
          train: shift,
          holdout: shift,
          overlap: {
            outcome: 'measured',
            rows: 1000,
            found: Math.min(1000, each.found + loss('overlap') * 100),
            trainingRows: 1000,
            sampled: false,
          },
        },
        rules: gateRules({
          metrics: { [metric]: { tolerance: each.tolerance } },
          budget: { size: 1500, memory: 1500, latency: { kind: 'relative', value: 1.2 } },
          slices: ['state'],
        }),
      }),
    ).outcome;
  }

  it('never passes what got worse in anything that it looks at, and refused before', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(whole, (each) => {
        const [before, after] = [decideAll(each, false), decideAll(each, true)];
        seen.add(`${before} ${after}`);
        expect([before, after]).not.toEqual(['fail', 'pass']);
      }),
      { numRuns: 3000 },
    );
    expect([...seen].toSorted()).toEqual(['fail fail', 'pass fail', 'pass pass']);
  });

  it('passes a candidate that is the champion in everything', () => {
    fc.assert(
      fc.property(whole, (each) => {
        const equal = { ...each, lower: 0, upper: 0, sliceUpper: 0, latency: 1, memory: 1, size: 1 };
        expect(decideAll({ ...equal, psi: 0, unknown: 0, found: 0 }, false)).toBe('pass');
      }),
    );
  });
});
