import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shiftedData, sliceOf, verdictWith } from '../../test/fixtures/report-facts.ts';
import { cellsNamed } from '../../test/fixtures/markdown-table.ts';
import type { ReportFacts } from './facts.ts';
import { renderReport } from './markdown.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

describe('renderReport', () => {
  it('a first release', () => {
    const facts: ReportFacts = {
      verdict: verdictWith({ candidate: { auc: 0.913, log_loss: 0.2 }, champion: null, intervals: {} }),
      next: { version: '1.0.0', bump: 'first', reasons: ['there is no release yet'] },
      reproduce: ['git checkout abc', 'npx edgeloop retrain churn'],
    };
    expect(renderReport(facts))
      .toBe(`## ✅ \`churn\` passed the gate as its first release, next version \`1.0.0\`

- every metric holds what is asked of it: auc, log_loss
- size 81.2 kB (81234 bytes) is within the budget of 10 MB
- shift of the training data: not applicable, there is no champion yet
- shift of the holdout: not applicable, there is no champion yet
- 3 of 1667 rows of the holdout (0.2 %) are in the training data, allowed 1 %

| metric   | champion | candidate | difference (interval) | allowed             | verdict |
| -------- | -------- | --------- | --------------------- | ------------------- | ------- |
| auc      | –        | 0.913     | –                     | min 0.85, loss 0.02 | ✅       |
| log_loss | –        | 0.2       | –                     | loss 5 %            | ✅       |

Scored on 1667 held-out rows.

### Size, memory and latency

|        | champion | candidate | difference | budget |
| ------ | -------- | --------- | ---------- | ------ |
| size   | –        | 81.2 kB   | –          | 10 MB  |
| memory | –        | –         | –          | –      |

Latency was not measured: the candidate has no golden samples.

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
      verdict: verdictWith(),
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
    expect(page).not.toContain('- auc 0.934 against');
    expect(cellsNamed(page, 'auc')).toEqual([
      'auc',
      '0.913',
      '0.934',
      '+0.021 [0.005, 0.037]',
      'min 0.85, loss 0.02',
      '✅',
    ]);
    expect(cellsNamed(page, 'log_loss')).toEqual([
      'log_loss',
      '0.2',
      '0.19',
      '+0.01 (+5 %) [-1 %, 12 %]',
      'loss 5 %',
      '✅',
    ]);
    expect(cellsNamed(page, 'f1')).toEqual(['f1', '0.81', '0.8', '-0.01', '–', 'not judged']);
    expect(page.indexOf('<details>\n<summary>One metric that no rule names')).toBeLessThan(
      page.indexOf('| f1 '),
    );
    expect(page).toContain(
      '95 % intervals of 2000 paired bootstrap resamples (percentile, Efron and Tibshirani 1993, chapter 13; seed ',
    );
    expect(page).toContain('- the training data changed: 1 file added (churn-2.csv; 120,605 bytes)');
    expect(page).toContain('- param trees: 100 became 120');
    expect(cellsNamed(page, 'size')).toEqual(['size', '80 kB', '81.2 kB', '+1.5 %', '10 MB']);
    expect(page).toContain('`1.0.1` (patch)\n\n- only data changed');
  });

  it('a refusal names every reason against the candidate', () => {
    const refused = verdictWith({
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
    expect(cellsNamed(page, 'auc').at(-1)).toBe('❌');
    expect(page).toContain('- 3 of 1667 rows of the holdout (0.2 %) are in the training data, allowed 1 %');
    expect(page).not.toContain('Next version');
    expect(page).not.toContain('Reproduce');
  });

  it('a candidate that could not be compared', () => {
    const verdict = verdictWith({ champion: null, notComparable: 'input age is new', intervals: {} });
    const page = renderReport({ verdict, championVersion: '1.0.0', reproduce: [] });
    expect(page.split('\n')[0]).toBe(
      '## ✅ `churn` passed the gate without a comparison with champion `1.0.0`',
    );
    expect(page).toContain(
      'Scored on 1667 held-out rows. No comparison with the champion was possible: input age is new.',
    );
    expect(page).not.toContain('bootstrap');
    const refused = verdictWith({
      champion: null,
      notComparable: 'input age is new',
      candidate: { auc: 0.1, log_loss: 1 },
    });
    expect(renderReport({ verdict: refused, reproduce: [] }).split('\n')[0]).toBe(
      '## ❌ `churn` was refused by the gate without a comparison',
    );
  });

  it('warnings stand before the reasons, those of the caller first', () => {
    const verdict = { ...verdictWith(), warnings: ['age has shifted: PSI 0.3.'] };
    const page = renderReport({ verdict, warnings: ['Made from uncommitted changes.'], reproduce: [] });
    expect(page.split('\n').slice(2, 5)).toEqual([
      '⚠️ Made from uncommitted changes.',
      '',
      '⚠️ age has shifted: PSI 0.3.',
    ]);
    expect(page.indexOf('PSI 0.3')).toBeLessThan(page.indexOf('- every metric holds'));
  });

  it('nothing from outside becomes markup', () => {
    const hostile =
      'x`|<img src=x onerror=alert(1)>\n# @everyone [a](http://evil) ![b](c) **d** &lt; \u202Eoops';
    const page = renderReport({
      verdict: {
        ...verdictWith({ candidate: { auc: 0.1, log_loss: 9 } }),
        reasons: [hostile, '# heading', '1. list', '[0.1, 0.2](http://evil)', 'a_b _c_', '$x$ GH-1 ftp://e'],
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
      '\n- \\# heading\n- 1\\. list\n- \\[0.1, 0.2\\](http:\u200B//evil)\n- a_b \\_c\\_\n- \\$x\\$ GH\u200B-1 ftp:\u200B//e\n',
    );
    expect(page).toContain('````sh\necho "```" # not a heading\n````');
  });

  it('says how much more there is', () => {
    const changes = Array.from({ length: 5000 }, (_, index) => `param p${index} changed`);
    const page = renderReport({ verdict: verdictWith(), changes, reproduce: [] });
    expect(page).toContain('- param p19 changed\n- and 4980 more\n');
  });

  it('never has more than 65,000 bytes, and says what it left out', () => {
    const text = fc
      .constantFrom('|', '`', '*', '&', '\u{1F600}', '模', '@a', '#1')
      .chain((unit) => fc.integer({ min: 0, max: 900 }).map((length) => unit.repeat(length)));
    const texts = fc
      .tuple(text, fc.integer({ min: 0, max: 120 }))
      .map(([line, count]) => Array<string>(count).fill(line));
    const property = fc.property(
      texts,
      texts,
      texts,
      texts,
      text,
      fc.boolean(),
      (a, b, c, d, name, passed) => {
        const { record, distributions } = shiftedData([name, `${name}x`, `${name}y`]);
        const judged = a.map((value) => sliceOf(name, value, 0.3));
        const slices = { columns: [], resamples: 4000, judged };
        const verdict = {
          ...verdictWith({ data: record, slices, notComparable: passed ? null : name }),
          outcome: passed ? ('pass' as const) : ('fail' as const),
          reasons: b,
          warnings: c,
        };
        const page = renderReport({
          verdict,
          championVersion: name,
          warnings: a,
          changes: d,
          data: { rows: 9, championRows: 8, columnsAdded: b, columnsRemoved: c, distributions },
          next: { version: name, bump: name, reasons: d },
          reproduce: c,
        });
        expect(Buffer.byteLength(page)).toBeLessThanOrEqual(65_000);
        expect(page.isWellFormed()).toBe(true);
        expect(page).toMatch(/^## [✅❌] `churn` (?:passed|was refused)/u);
      },
    );
    fc.assert(property, { numRuns: 60 });

    const long = Array<string>(200).fill('|'.repeat(2000));
    const verdict = { ...verdictWith(), outcome: 'fail' as const, reasons: long, warnings: long };
    const page = renderReport({ verdict, changes: long, reproduce: long });
    expect(page).toContain('### What changed\n\nLeft out: the page would be too long.');
    expect(page).toContain('- and 180 more\n\n| metric ');

    // Bytes, not characters, are what the summary of a check is measured in (github/docs#35252).
    const wide = long.map(() => '模'.repeat(2000));
    const same = { verdict: { ...verdict, reasons: wide, warnings: wide }, changes: wide, reproduce: wide };
    expect(Buffer.byteLength(renderReport(same))).toBeLessThanOrEqual(65_000);
  });
});
