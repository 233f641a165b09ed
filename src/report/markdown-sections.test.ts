import { describe, expect, it } from 'vitest';
import { cellsNamed, cellsOf } from '../../test/fixtures/markdown-table.ts';
import { BETTER, RULES, shiftedData, sliceOf, verdictWith } from '../../test/fixtures/report-facts.ts';
import { renderReport } from './markdown.ts';

const slicesOf = (judged: ReturnType<typeof sliceOf>[], notJudged = 0) => ({
  columns: [{ column: 'region', values: judged.length + notJudged, notJudged, leastRows: 30 }],
  resamples: 4000,
  judged,
});
const bySlices = { ...RULES, slices: ['region'] };

describe('a section of renderReport', () => {
  it('shows the slices that got worse, the largest losses first, and counts the others', () => {
    const judged = [
      ...Array.from({ length: 12 }, (_, index) => sliceOf('region', `r${index}`, 0.01 + index / 1000)),
      sliceOf('region', 'better', -0.01),
    ];
    const verdict = verdictWith({ rules: bySlices, slices: slicesOf(judged, 4) });
    expect(verdict.outcome).toBe('pass');
    const page = renderReport({ verdict, reproduce: [] });
    expect(page).toContain(
      '13 slices judged, 4 more not judged (fewer than 30 rows, or beyond the largest ones). The 10 largest of 12 losses:',
    );
    const rows = page.split('\n').filter((line) => line.startsWith('| region = '));
    expect(rows.map((row) => /= (\w+)/.exec(row)?.[1])).toEqual(
      Array.from({ length: 10 }, (_, index) => `r${11 - index}`),
    );
    // 0.02 x sqrt(1667 / 120) = 0.0745 is allowed in 120 rows.
    expect(cellsOf(rows[0] ?? '')).toEqual([
      'region = r11',
      '120',
      'auc',
      '0.9',
      '0.879',
      '-0.021 [-0.071, 0.029]',
      '0.075',
      '██████████ 0.3×',
      'may be chance',
    ]);
    expect(page).toContain('Slices: 99.95 % intervals of 4000 resamples');
    expect(page).not.toContain('region = better');
  });

  it('marks a slice that is worse beyond doubt, and does not let slices bury the other reasons', () => {
    const judged = Array.from({ length: 40 }, (_, index) => sliceOf('region', `r${index}`, 0.3));
    const verdict = verdictWith({ rules: bySlices, slices: slicesOf(judged), sizeBytes: 20_000_000 });
    const page = renderReport({ verdict, reproduce: [] });
    expect(page).toContain('❌ beyond doubt');
    const reasons = page.split('\n').filter((line) => /^- (?:in the slice|and in|size)/.test(line));
    expect(reasons).toHaveLength(12);
    expect(reasons.slice(-2)).toEqual([
      '- and in 30 more slices or metrics of them',
      '- size 20 MB (20000000 bytes) is over the budget of 10 MB',
    ]);
  });

  it.each([
    ['none got worse', BETTER.champion, "1 slice judged. None is worse than the champion's."],
    ['no champion', null, '1 slice: not compared, there is nothing to compare with.'],
  ])('slices of which %s', (_, champion, sentence) => {
    const slices = slicesOf([sliceOf('region', 'north', -0.01)]);
    const page = renderReport({ verdict: verdictWith({ rules: bySlices, champion, slices }), reproduce: [] });
    expect(page).toContain(`### Slices\n\n${sentence}\n\n`);
  });

  it('shows where the features that moved were and are', () => {
    const { record, distributions } = shiftedData(['same', 'minutes', 'age']);
    const data = {
      rows: 1200,
      championRows: 1000,
      columnsAdded: ['age'],
      columnsRemoved: ['a|b', 'c'],
      distributions,
    };
    const page = renderReport({ verdict: verdictWith({ data: record }), data, reproduce: [] });
    expect(page).toContain("- training data: 1200 rows, the champion's 1000 (+20 %)");
    expect(page).toContain('- column added: age\n- columns removed: a\\|b, c');
    expect(page).toContain('<details open>\n<summary>The largest shifts');
    const rows = page.split('\n').filter((line) => line.startsWith('| training data '));
    expect(rows.map(cellsOf)).toEqual([
      ['training data', 'minutes', '0.31', '`▅▅`', '`▁█`', '\\<= 10: 50 % became 10 %'],
      ['training data', 'age', '0.02', '`██`', '`██`', '\\<= 10: 50 % became 50 %'],
    ]);
    expect(page.split('\n').filter((line) => line.startsWith('| holdout '))).toHaveLength(2);
  });

  it('shows latency and memory beside their budgets', () => {
    const latency = {
      runs: 400,
      candidate: { p50Ms: 0.12, p95Ms: 0.22 },
      champion: { p50Ms: 0.1, p95Ms: 0.2 },
      ratio: { value: 1.1, lower: 1.02, upper: 1.2, level: 0.95 },
      runner: 'rack|3',
    };
    const budget = { memory: 200_000_000, latency: { kind: 'relative' as const, value: 1.2 } };
    const verdict = verdictWith({ latency, memoryBytes: 134_217_728, rules: { ...RULES, budget } });
    const page = renderReport({ verdict, reproduce: [] });
    expect(cellsNamed(page, 'memory')).toEqual(['memory', '–', '134.2 MB', '–', '200 MB']);
    const beside = renderReport({ verdict, championMemoryBytes: 67_108_864, reproduce: [] });
    expect(cellsNamed(beside, 'memory')).toEqual(['memory', '67.1 MB', '134.2 MB', '+100 %', '200 MB']);
    expect(cellsNamed(page, 'latency p50')).toEqual(['latency p50', '0.1 ms', '0.12 ms', '1.2x', '–']);
    expect(cellsNamed(page, 'latency p95')).toEqual([
      'latency p95',
      '0.2 ms',
      '0.22 ms',
      '1.1x [1.02, 1.2]',
      '1.2x',
    ]);
    expect(page).toContain(
      '400 runs on rack\\|3, candidate and champion in turn; 95 % interval of the ratio',
    );
  });

  it('a name from outside ends no cell and no fold', () => {
    const hostile = 'a | b</details><script>x</script>`c`](javascript:alert(1))\n| d |';
    const { record, distributions } = shiftedData(['same', hostile]);
    const slices = slicesOf([sliceOf('region', hostile, 0.01)]);
    const verdict = verdictWith({ data: record, rules: bySlices, slices });
    const data = {
      rows: 1,
      championRows: null,
      columnsAdded: [hostile],
      columnsRemoved: [],
      distributions,
    };
    const page = renderReport({ verdict, data, reproduce: [] });
    expect(page).not.toMatch(/(?<!\\)<(?!\/?(?:details|summary)\b)/);
    expect(page.match(/<details/g)?.length).toBe(page.match(/<\/details>/g)?.length);
    expect(page).not.toMatch(/(?<!\\)\]\(/);
    const rows = page.split('\n').filter((line) => line.startsWith('|') && line.includes('javascript'));
    expect(rows.map((row) => cellsOf(row).length).toSorted()).toEqual([6, 6, 9]);
  });
});
