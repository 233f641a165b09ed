import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TaskName } from '../../src/config/index.ts';
import { measure, type MetricOptions, type Predictions } from '../../src/evaluation/tasks/task.ts';
import { taskNamed } from '../../src/evaluation/tasks/tasks.ts';
import { binaryPredictions, numberPredictions, predictionsOf } from '../fixtures/predictions.ts';
import { findTrainers } from '../tooling/find.ts';

const trainers = findTrainers();
const answersSchema = z.record(z.string(), z.array(z.record(z.string(), z.number().nullable())));

type Weights = number[] | null;
type Answers = readonly Record<string, number | null>[];

/** The same cases every time. */
const cases = <Case>(arbitrary: fc.Arbitrary<Case>, seed: number): Case[] =>
  fc.sample(arbitrary, { numRuns: 200, seed });

const rowCount = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 200 }), weight: 5 },
  fc.integer({ min: 1, max: 4 }),
);
const arrayOf = <Item>(item: fc.Arbitrary<Item>, rows: number): fc.Arbitrary<Item[]> =>
  fc.array(item, { minLength: rows, maxLength: rows });
const oneForAll = <Item>(item: fc.Arbitrary<Item>, rows: number): fc.Arbitrary<Item[]> =>
  item.map((value) => Array.from({ length: rows }, () => value));

/** Thousandths, as scikit-learn.py wants them; with a class of which no row counts. */
function weightsOf(labels: readonly number[]): fc.Arbitrary<Weights> {
  const { length } = labels;
  const fraction = fc.integer({ min: 1, max: 3000 }).map((thousandths) => thousandths / 1000);
  return fc.oneof(
    fc.constant(null),
    arrayOf(fc.nat(3), length),
    arrayOf(fraction, length),
    arrayOf(fc.oneof(fc.constant(0), fraction), length),
    arrayOf(fraction, length).map((all) => all.map((weight, row) => (labels[row] === 1 ? 0 : weight))),
  );
}

const withWeights = <Case extends { labels: number[] }>(
  known: Case,
): fc.Arbitrary<Case & { weights: Weights }> =>
  fc
    .tuple(fc.constant(known), weightsOf(known.labels))
    .map(([each, weights]) => Object.assign(each, { weights }));

/** One of many cases has a NaN, which JSON writes as null. */
const withNaN = <Item>(values: fc.Arbitrary<Item[]>, nan: Item): fc.Arbitrary<Item[]> =>
  fc.oneof(
    { arbitrary: values, weight: 19 },
    fc.tuple(values, fc.nat()).map(([items, at]) => items.with(at % items.length, nan)),
  );

const probability = fc.oneof(
  fc.integer({ min: 0, max: 1e6 }).map((millionths) => millionths / 1e6),
  fc.float({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 1, 0.5, 0.1, 0.3, 0.1 * 3, 0.1 * 6, 0.7, 0.1 * 7),
);
const binaryCase = rowCount.chain((rows) =>
  fc
    .record({
      labels: fc.oneof({ arbitrary: arrayOf(fc.nat(1), rows), weight: 8 }, oneForAll(fc.nat(1), rows)),
      probabilities: withNaN(
        fc.oneof(
          arrayOf(probability, rows),
          arrayOf(
            fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
            rows,
          ),
          arrayOf(fc.nat(1), rows),
          oneForAll(probability, rows),
        ),
        Number.NaN,
      ),
    })
    .chain(withWeights),
);

/** A row of shares that add up to 1 but for the rounding of their format. */
function shares(width: number): fc.Arbitrary<number[]> {
  const parts = fc.oneof(arrayOf(fc.integer({ min: 1, max: 1e6 }), width), arrayOf(fc.nat(3), width));
  return fc.tuple(parts, fc.boolean()).map(([counts, single]) => {
    const sum = counts.reduce((all, count) => all + count, 0);
    if (sum === 0) return counts.map((_, index) => (index === 0 ? 1 : 0));
    return counts.map((count) => (single ? Math.fround(count / sum) : count / sum));
  });
}
const multiclassCase = fc.tuple(rowCount, fc.integer({ min: 2, max: 6 })).chain(([rows, width]) =>
  fc
    .record({
      labels: fc.integer({ min: 0, max: width - 1 }).chain((most) => arrayOf(fc.nat(most), rows)),
      probabilities: withNaN(
        arrayOf(shares(width), rows),
        Array.from({ length: width }, () => Number.NaN),
      ),
    })
    .chain(withWeights),
);

const figure = fc.integer({ min: -1e6, max: 1e6 }).map((thousandths) => thousandths / 1000);
/** Equal truths are powers of two: of others scikit-learn's mean is rounded, and it divides by what that leaves. */
const truths = (rows: number): fc.Arbitrary<number[]> =>
  fc.oneof(
    arrayOf(figure, rows),
    arrayOf(fc.integer({ min: -2, max: 2 }), rows),
    arrayOf(
      figure.map((each) => each * 1e120),
      rows,
    ),
    arrayOf(
      figure.map((each) => each * 1e-120),
      rows,
    ),
    oneForAll(fc.constantFrom(0, 0.5, 1, -4, 1024), rows),
  );
const regressionCase = rowCount.chain((rows) =>
  truths(rows).chain((labels) => {
    const spread = Math.max(...labels.map(Math.abs)) || 1;
    const near = arrayOf(figure, rows).map((noise) =>
      labels.map((label, row) => label + spread * ((noise[row] ?? 0) / 2000)),
    );
    return fc.record({
      labels: withNaN(fc.constant(labels), Number.NaN),
      predictions: withNaN(
        fc.oneof(
          { arbitrary: near, weight: 4 },
          near.map((all) => all.map(Math.fround)),
          fc.constant(labels),
        ),
        Number.NaN,
      ),
      weights: weightsOf(labels),
      quantile: fc.constantFrom(0.5, 0.05, 0.1, 0.9, 0.975),
    });
  }),
);

describe.skipIf(trainers === undefined)('every metric equals scikit-learn', () => {
  const asked = {
    binary: cases(binaryCase, 1),
    multiclass: cases(multiclassCase, 2),
    regression: cases(regressionCase, 3),
  };
  let answers: z.infer<typeof answersSchema> = {};
  beforeAll(() => {
    const script = join(import.meta.dirname, 'scikit-learn.py');
    const printed = execFileSync(join(trainers ?? '', 'bin/python'), [script], {
      input: JSON.stringify(asked),
      encoding: 'utf8',
      maxBuffer: 64 * 1024 ** 2,
    });
    answers = answersSchema.parse(JSON.parse(printed));
  }, 120_000);

  it('of binary classification', () => {
    const ours = asked.binary.map(({ labels, probabilities, weights }) =>
      measured('binary-classification', binaryPredictions(labels, probabilities), weights),
    );
    expect(rarelyCompared(answers['binary'])).toEqual([]);
    expect(differences(ours, answers['binary'])).toEqual([]);
  });

  it('of multiclass classification', () => {
    const ours = asked.multiclass.map(({ labels, probabilities, weights }) =>
      measured('multiclass-classification', predictionsOf(labels, probabilities), weights),
    );
    expect(rarelyCompared(answers['multiclass'])).toEqual([]);
    expect(differences(ours, answers['multiclass'])).toEqual([]);
  });

  it('of regression', () => {
    const ours = asked.regression.map(({ labels, predictions, weights, quantile }) =>
      measured('regression', numberPredictions(labels, predictions), weights, { quantile }),
    );
    expect(rarelyCompared(answers['regression'])).toEqual([]);
    expect(differences(ours, answers['regression'])).toEqual([]);
  });
});

function measured(
  task: TaskName,
  predictions: Predictions,
  weights: Weights,
  options?: MetricOptions,
): Record<string, number> {
  // As a bootstrap gives multiplicities, which some metrics add up in another way.
  const given = weights?.every(Number.isInteger) === true ? Uint8Array.from(weights) : weights;
  return Object.fromEntries(
    Object.entries(taskNamed(task).metrics).map(([name, metric]) => [
      name,
      measure(metric, predictions, given ?? undefined, options),
    ]),
  );
}

/** The metrics of which scikit-learn had an answer, or had none, for so few cases that a comparison says little. */
function rarelyCompared(answers: Answers = []): string[] {
  return Object.keys(answers[0] ?? { none: null }).filter((name) => {
    const refused = answers.filter((answer) => answer[name] === null).length;
    return refused < 5 || answers.length - refused < 100;
  });
}

function differences(ours: readonly Record<string, number>[], answers: Answers = []): string[] {
  return ours.flatMap((values, at) =>
    Object.entries(values)
      .filter(([name, value]) => !same(name, value, answers[at]?.[name]))
      .map(([name, value]) => `${name} of case ${at} is ${value}, scikit-learn's ${answers[at]?.[name]}`),
  );
}

/** What scikit-learn refuses is NaN. The losses of tiny numbers are tiny: they have to agree in their digits. */
function same(name: string, ours: number, theirs: number | null | undefined): boolean {
  if (theirs === null) return Number.isNaN(ours);
  if (theirs === undefined) return false;
  const unit = ['rmse', 'mae', 'quantile_loss', 'mape'].includes(name)
    ? Math.abs(theirs)
    : Math.max(1, Math.abs(theirs));
  return Math.abs(ours - theirs) <= 1e-9 * unit;
}
