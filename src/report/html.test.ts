import { describe, expect, it } from 'vitest';
import { readPage } from '../../test/fixtures/html-page.ts';
import { binaryPredictions, predictionsOf } from '../../test/fixtures/predictions.ts';
import {
  binaryFacts,
  RULES,
  shiftedData,
  simulatedBinary,
  simulatedClasses,
  simulatedNumbers,
  sliceOf,
  verdictWith,
} from '../../test/fixtures/report-facts.ts';
import type { PlotFacts, ReportFacts } from './facts.ts';
import { renderHtml } from './html.ts';

const MULTICLASS = {
  task: 'multiclass-classification',
  rules: { ...RULES, metrics: { accuracy: { min: 0.5 } } },
  candidate: { accuracy: 0.9 },
  champion: { accuracy: 0.8 },
};
const REGRESSION = {
  task: 'regression',
  rules: { ...RULES, metrics: { rmse: { max: 100 } } },
  candidate: { rmse: 20 },
  champion: { rmse: 30 },
};

const classFacts = (rows: number, classes: string[]): ReportFacts & PlotFacts => ({
  verdict: verdictWith(MULTICLASS),
  reproduce: [],
  candidate: simulatedClasses(rows, classes, 0.05),
  champion: simulatedClasses(rows, classes, 0.1, 8),
});
const numberFacts = (rows: number): ReportFacts & PlotFacts => ({
  verdict: verdictWith(REGRESSION),
  reproduce: [],
  candidate: simulatedNumbers(rows, 40),
  champion: simulatedNumbers(rows, 60),
});
const digits = Array.from({ length: 10 }, (_, index) => String(index));

describe('renderHtml', () => {
  it.each<[string, ReportFacts & PlotFacts, string[]]>([
    ['binary-classification', binaryFacts(), ['ROC curve', 'Calibration']],
    ['multiclass', classFacts(500, digits), ['Confusion matrix', 'Change against the champion']],
    ['regression', numberFacts(500), ['Residuals', 'Predicted and true']],
    ['without a champion', { ...binaryFacts(), champion: null }, ['ROC curve', 'Calibration']],
  ])('is a well-formed page with its plots: %s', (_, facts, titles) => {
    const { elements, text } = readPage(renderHtml(facts));
    for (const title of titles) expect(text).toContain(title);
    const drawings = elements.filter(
      ({ name, attributes }) => name === 'svg' && attributes['role'] === 'img',
    );
    for (const { attributes } of drawings) expect(attributes['aria-label']).toMatch(/\w/);
    const samples = elements.filter(({ name, attributes }) => name === 'svg' && attributes['role'] !== 'img');
    for (const { attributes } of samples) expect(attributes['aria-hidden']).toBe('true');
    for (const { attributes } of elements.filter(({ name }) => name === 'th')) {
      expect(attributes['scope']).toMatch(/^(?:col|row)$/);
    }
    const levels = elements.flatMap(({ name }) => (/^h[1-6]$/.test(name) ? [Number(name.slice(1))] : []));
    expect(levels[0]).toBe(1);
    levels.reduce((before, level) => {
      expect(level - before).toBeLessThanOrEqual(1);
      return level;
    });
  });

  it('says what the Markdown says', () => {
    const { record, distributions } = shiftedData(['same', 'minutes']);
    const page = renderHtml({
      ...binaryFacts({ ...verdictWith({ data: record }), warnings: ['minutes has shifted.'] }),
      championBytes: 80_000,
      changes: ['param trees: 100 became 120'],
      data: { rows: 1200, championRows: 1000, columnsAdded: [], columnsRemoved: [], distributions },
      next: { version: '1.0.1', bump: 'patch', reasons: ['only data changed'] },
    });
    const { text } = readPage(page);
    for (const said of [
      '✅ churn passed the gate against champion 1.0.0, next version 1.0.1',
      'every metric holds what is asked of it: auc, log_loss',
      'minutes has shifted.',
      '+0.021 [0.005, 0.037]',
      'min 0.85, loss 0.02',
      'percentile, Efron and Tibshirani 1993, chapter 13',
      'param trees: 100 became 120',
      'training data: 1200 rows, the champion&#39;s 1000 (+20 %)'.replace('&#39;', "'"),
      'minutes: PSI 0.31',
      '81.2 kB',
      'only data changed',
      'npx edgeloop retrain churn',
      `sha256:${'b'.repeat(64)}`,
    ]) {
      expect(text).toContain(said);
    }
  });

  it('draws the interval of each compared metric against zero and the allowed loss', () => {
    const { elements } = readPage(renderHtml(binaryFacts()));
    const drawn = elements.flatMap(({ attributes }) =>
      attributes['class'] === 'interval-plot' ? [attributes['aria-label']] : [],
    );
    expect(drawn).toEqual([
      'auc: difference +0.021 [0.005, 0.037], allowed loss 0.02',
      'log_loss: difference +0.01 (+5 %) [-1 %, 12 %], allowed loss 0.05',
    ]);
  });

  it('loads and runs nothing', () => {
    const { record, distributions } = shiftedData(['a', 'b']);
    for (const facts of [
      binaryFacts(verdictWith({ data: record })),
      classFacts(300, digits),
      numberFacts(300),
    ]) {
      const page = renderHtml({
        ...facts,
        data: { rows: 9, championRows: 9, columnsAdded: [], columnsRemoved: [], distributions },
      });
      const { elements } = readPage(page);
      const names = new Set(elements.map(({ name }) => name));
      for (const name of ['script', 'link', 'img', 'image', 'iframe', 'object', 'use', 'a', 'base', 'form']) {
        expect(names).not.toContain(name);
      }
      for (const { attributes } of elements) {
        expect(Object.keys(attributes).filter((name) => /^(?:on|src|href|style$|xlink)/.test(name))).toEqual(
          [],
        );
      }
      expect(page).not.toMatch(/https?:|\/\/|url\(|@import|javascript:/);
      const policy = elements.find(
        ({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy',
      );
      expect(policy?.attributes['content']).toBe(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
      );
    }
  });

  it('nothing from outside becomes markup', () => {
    const hostile =
      '</style></title><script>alert(1)</script><img src=x onerror=alert(1)> " onload="x\' & | ` \u202Egpj](javascript:alert(1))\n@you';
    const { record, distributions } = shiftedData(['same', hostile]);
    const judged = [sliceOf(hostile, hostile, 0.3)];
    const slices = {
      columns: [{ column: hostile, values: 2, notJudged: 1, leastRows: 30 }],
      resamples: 4000,
      judged,
    };
    const latency = {
      runs: 400,
      candidate: { p50Ms: 1, p95Ms: 2 },
      champion: null,
      ratio: null,
      runner: hostile,
    };
    const verdict = {
      ...verdictWith({ data: record, slices, latency, rules: { ...RULES, slices: [hostile] } }),
      model: hostile,
      weight: hostile,
      predict: hostile,
      reasons: [hostile],
      warnings: [hostile],
    };
    const facts: ReportFacts & PlotFacts = {
      ...binaryFacts(verdict),
      championVersion: hostile,
      warnings: [hostile],
      changes: [hostile],
      data: { rows: 1, championRows: 2, columnsAdded: [hostile], columnsRemoved: [hostile], distributions },
      next: { version: hostile, bump: hostile, reasons: [hostile] },
      reproduce: [hostile],
    };
    const classes = [hostile, `${hostile}2`, 'c'];
    const byClass = { ...verdictWith(MULTICLASS), notComparable: hostile };
    for (const page of [
      renderHtml(facts),
      renderHtml({ ...classFacts(200, classes), verdict: byClass, released: hostile }),
    ]) {
      const { elements, text } = readPage(page);
      const plain = readPage(
        renderHtml(page.includes('ROC') ? binaryFacts() : classFacts(200, ['a', 'b', 'c'])),
      );
      const known = new Set(plain.elements.map(({ name }) => name));
      for (const name of ['details', 'summary', 'pre', 'svg', 'p', 'rect', 'line', 'circle', 'text'])
        known.add(name);
      expect(elements.filter(({ name }) => !known.has(name))).toEqual([]);
      for (const { attributes } of elements) {
        expect(Object.keys(attributes).filter((name) => name.startsWith('on'))).toEqual([]);
      }
      expect(page).not.toMatch(/[\u202A-\u202E]/);
      expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    }
  });

  it.each<[string, () => ReportFacts & PlotFacts]>([
    [
      'binary',
      () => ({ ...binaryFacts(), candidate: simulatedBinary(1e6, 2), champion: simulatedBinary(1e6, 1) }),
    ],
    ['regression', () => numberFacts(1e6)],
    [
      '30 classes',
      () =>
        classFacts(
          200_000,
          Array.from({ length: 30 }, (_, index) => `class ${index}`),
        ),
    ],
  ])('is no larger for a large holdout: %s', (_, facts) => {
    expect(renderHtml(facts()).length).toBeLessThan(100_000);
  });

  it('stays small however much there is to say', () => {
    const many = Array.from({ length: 3000 }, (_, index) => `<&"${index} `.repeat(300));
    const { record, distributions } = shiftedData(many);
    const judged = many.slice(0, 500).map((value) => sliceOf('region', value, 0.3));
    const verdict = {
      ...verdictWith({ data: record, slices: { columns: [], resamples: 4000, judged } }),
      outcome: 'fail' as const,
      reasons: many,
      warnings: many,
    };
    const page = renderHtml({
      ...binaryFacts(verdict),
      changes: many,
      data: { rows: 9, championRows: 9, columnsAdded: many, columnsRemoved: many, distributions },
      reproduce: many,
    });
    expect(page.length).toBeLessThan(300_000);
    readPage(page);
  });

  it('shows no plot that there is nothing for', () => {
    const one = binaryPredictions([1, 1, 1], [0.2, 0.5, 0.9]);
    const { text } = readPage(renderHtml({ ...binaryFacts(), candidate: one, champion: one }));
    expect(text).not.toContain('ROC curve');
    const empty = predictionsOf([], [], ['a', 'b']);
    const page = renderHtml({ ...classFacts(10, ['a', 'b']), candidate: empty, champion: null });
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });
});
