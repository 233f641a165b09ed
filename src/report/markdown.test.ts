import { describe, expect, it } from 'vitest';
import { type GateInput, judge, type Verdict } from '../evaluation/index.ts';
import type { ReportFacts } from './facts.ts';
import { renderReport } from './markdown.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const rules: Verdict['rules'] = {
  metrics: {
    auc: { min: 0.85, tolerance: { kind: 'absolute', value: 0.02 } },
    log_loss: { tolerance: { kind: 'relative', value: 0.05 } },
  },
  budget: { size: 10_000_000 },
};

function verdict(given: Omit<GateInput, 'task' | 'rules' | 'sizeBytes'>): Verdict {
  return {
    schema: 'edgeloop.verdict/v1',
    model: 'churn',
    candidate: digest('a'),
    champion: given.champion === null ? null : digest('b'),
    holdout: digest('c'),
    task: 'binary-classification',
    rows: 1667,
    rules,
    bootstrap: { resamples: 2000, seed: 7, level: 0.95, interval: 'percentile' },
    sizeBytes: 81_234,
    ...judge({ task: 'binary-classification', ...given, rules, sizeBytes: 81_234 }),
  };
}

const better = (): Verdict =>
  verdict({
    candidate: { auc: 0.934, log_loss: 0.19, f1: 0.8 },
    champion: { auc: 0.913, log_loss: 0.2, f1: 0.81 },
    intervals: {
      auc: { lower: 0.005, upper: 0.037, level: 0.95, relative: false },
      log_loss: { lower: -0.01, upper: 0.12, level: 0.95, relative: true },
      f1: { lower: -0.03, upper: 0.01, level: 0.95, relative: false },
    },
  });

describe('renderReport', () => {
  it('a first release', () => {
    const facts: ReportFacts = {
      verdict: verdict({ candidate: { auc: 0.913, log_loss: 0.2 }, champion: null, intervals: {} }),
      next: { version: '1.0.0', bump: 'first', reasons: ['there is no release yet'] },
      reproduce: ['git checkout abc', 'npx edgeloop retrain churn'],
    };
    expect(renderReport(facts))
      .toBe(`## ✅ \`churn\` passed the gate as its first release, next version \`1.0.0\`

- auc 0.913 holds the min 0.85
- auc 0.913 was not compared: there is no champion yet
- log_loss 0.2 was not compared: there is no champion yet
- size 81.2 kB (81234 bytes) is within the budget of 10 MB

| metric   | champion | candidate | difference (interval) | allowed             | verdict |
| -------- | -------- | --------- | --------------------- | ------------------- | ------- |
| auc      | –        | 0.913     | –                     | min 0.85, loss 0.02 | ✅       |
| log_loss | –        | 0.2       | –                     | loss 5 %            | ✅       |

Scored on 1667 held-out rows.

### Size

81.2 kB; budget 10 MB.

### Next version

\`1.0.0\` (first)

- there is no release yet

### Identities

- candidate \`${digest('a')}\`
- holdout \`${digest('c')}\`

### Reproduce

\`\`\`sh
git checkout abc
npx edgeloop retrain churn
\`\`\`
`);
  });

  it('a pass', () => {
    const page = renderReport({
      verdict: better(),
      championVersion: '1.0.0',
      championBytes: 80_000,
      changes: [
        'the training data changed: 1 file added (churn-2.csv; 120,605 bytes)',
        'param trees: 100 became 120',
      ],
      next: { version: '1.0.1', bump: 'patch', reasons: ['only data changed'] },
      reproduce: ['npx edgeloop retrain churn'],
    });
    expect(page.split('\n')[0]).toBe(
      '## ✅ `churn` passed the gate against champion `1.0.0`, next version `1.0.1`',
    );
    expect(page).toContain(
      '- auc 0.934 against 0.913: better by 0.021, 95 % interval [0.005, 0.037], allowed loss 0.02',
    );
    expect(cells(page, 'auc')).toEqual([
      'auc',
      '0.913',
      '0.934',
      '+0.021 [0.005, 0.037]',
      'min 0.85, loss 0.02',
      '✅',
    ]);
    expect(cells(page, 'log_loss')).toEqual([
      'log_loss',
      '0.2',
      '0.19',
      '+0.01 (+5 %) [-1 %, 12 %]',
      'loss 5 %',
      '✅',
    ]);
    expect(cells(page, 'f1')).toEqual(['f1', '0.81', '0.8', '-0.01 [-0.03, 0.01]', '–', 'not judged']);
    expect(page).toContain('95 % intervals of 2000 paired bootstrap resamples (percentile, seed 7)');
    expect(page).toContain('- the training data changed: 1 file added (churn-2.csv; 120,605 bytes)');
    expect(page).toContain('- param trees: 100 became 120');
    expect(page).toContain("81.2 kB, the champion's 80 kB (+1.5 %); budget 10 MB.");
    expect(page).toContain('`1.0.1` (patch)\n\n- only data changed');
  });

  it('a fail', () => {
    const refused = verdict({
      candidate: { auc: 0.61, log_loss: 0.9 },
      champion: { auc: 0.913, log_loss: 0.2 },
      intervals: {
        auc: { lower: -0.33, upper: -0.28, level: 0.95, relative: false },
        log_loss: { lower: -4, upper: -3, level: 0.95, relative: true },
      },
    });
    const page = renderReport({ verdict: refused, championVersion: '1.0.1', reproduce: [] });
    expect(page.split('\n').slice(0, 5)).toEqual([
      '## ❌ `churn` was refused by the gate',
      '',
      '- auc 0.61 is below the min 0.85',
      '- auc 0.61 against 0.913: worse by 0.303, 95 % interval [-0.33, -0.28], allowed loss 0.02',
      '- log_loss 0.9 against 0.2: worse by 0.7 (350 %), 95 % interval [-400 %, -300 %], allowed loss 5 %',
    ]);
    expect(cells(page, 'auc').at(-1)).toBe('❌');
    expect(page).not.toContain('Next version');
    expect(page).not.toContain('Reproduce');
  });

  it('nothing from outside becomes markup', () => {
    const hostile =
      'x`|<img src=x onerror=alert(1)>\n# @everyone [a](http://evil) ![b](c) **d** &lt; \u202Eoops';
    const page = renderReport({
      verdict: {
        ...better(),
        reasons: [hostile, '# heading', '1. list', '[0.1, 0.2](http://evil)', 'a_b _c_'],
      },
      championVersion: '`1`',
      changes: [`param ${hostile}`],
      next: { version: hostile, bump: hostile, reasons: [hostile] },
      reproduce: ['echo "```"\n# not a heading'],
    });
    const escaped =
      '- x\\`\\|\\<img src=x onerror=alert(1)\\> # @\u200Beveryone \\[a\\](http:\u200B//evil) !\\[b\\](c) \\*\\*d\\*\\* \\&lt; oops';
    expect(page.split('\n').filter((line) => line === escaped)).toHaveLength(2);
    expect(page).toContain(`- param ${escaped.slice(2)}`);
    expect(page).toContain(
      '\n- \\# heading\n- 1\\. list\n- \\[0.1, 0.2\\](http:\u200B//evil)\n- a_b \\_c\\_\n',
    );
    expect(page).toContain('against champion `` `1` ``');
    expect(page).toContain('````sh\necho "```" # not a heading\n````');
  });

  it('stays on one page however much changed', () => {
    const changes = Array.from({ length: 5000 }, (_, index) => `param ${'long'.repeat(200)}${index} changed`);
    const page = renderReport({ verdict: better(), changes, reproduce: [] });
    expect(page.length).toBeLessThan(65_000);
    expect(page).toContain('- and 4980 more');
  });
});

function cells(page: string, metric: string): string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${metric} `)) ?? '';
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
