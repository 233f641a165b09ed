import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from './gate.ts';
import type { MetricRule, Outcome } from './gate-record.ts';
import { TASK_NAMES } from '../config/index.ts';
import { taskNamed } from './tasks/tasks.ts';

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
  return judge({
    task,
    candidate: { [metric]: candidate },
    champion: { [metric]: champion },
    intervals: { [metric]: { lower, upper, level: 0.95, relative } },
    rules: { metrics: { [metric]: rule }, budget: {} },
    sizeBytes: 1,
  }).outcome;
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
});
