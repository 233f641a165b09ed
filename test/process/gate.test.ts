import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { churnProject, commit, git } from '../fixtures/churn-project.ts';
import { edit, expectError, leftIn, registryTags } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { csv, read, referrers, text, VERDICT, write } from '../fixtures/project-files.ts';

const changed = (column: string, change: (cell: string) => string) => (row: string[], header: string[]) =>
  row.with(header.indexOf(column), change(row[header.indexOf(column)] ?? ''));
const seconds = changed('total_day_minutes', (cell) => String(Number(cell) * 60));

// One project whose first version is released; what arrives then is put back after each step.
describe('the gate, in a project', () => {
  let project: string;
  let released: string;
  beforeAll(() => {
    project = churnProject();
    released = git(project, 'rev-parse', 'HEAD');
    json(project, 0, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production');
  });

  afterEach(() => {
    git(project, 'reset', '--quiet', '--hard', released);
  });
  const arrives = (change: (row: string[], header: string[]) => string[]): void => {
    const [header = [], ...rows] = csv(read(project, 'arrivals/churn-2.csv'));
    write(project, 'data/train/churn-2.csv', text([header, ...rows.map((row) => change(row, header))]));
    commit(project, 'a delivery');
  };
  it('keeps the report beside the verdict: one page that needs nothing else', () => {
    const [verdict = '{}'] = referrers(project, 'churn', VERDICT);
    const [page = ''] = referrers(project, 'churn', 'application/vnd.edgeloop.report.v1+html');
    expect(JSON.parse(verdict)).toMatchObject({
      outcome: 'first',
      label: 'churn',
      latency: { runs: 1000, champion: null },
      data: { train: { outcome: 'not-applicable' }, overlap: { outcome: 'measured', found: 0 } },
    });
    expect(page).toContain('ROC curve');
    expect(page).not.toMatch(/<script|https?:\/\/|<link/);
    const reports = readdirSync(join(project, '.edgeloop/reports/churn'));
    const html = reports.find((file) => file.endsWith('.html')) ?? '';
    expect(read(project, `.edgeloop/reports/churn/${html}`)).toBe(page);
  });

  it('refuses minutes that arrive as seconds before anything is trained', () => {
    arrives(seconds);
    const before = registryTags(project);
    expectError(project, ['retrain', 'churn'], {
      exit: 3,
      code: 'data-refused',
      says: [
        'the data of churn were refused before anything was trained',
        /total_day_minutes in the training data has shifted: PSI 1\d\.\d+ against the champion's training data, allowed 2/,
        'raise the limit under evaluate.checks in edgeloop.yaml',
      ],
    });
    expect(registryTags(project)).toEqual(before);
    expect(leftIn(project).filter((path) => /^(training|locks|checks)/.test(path))).toEqual([]);
  });

  it('lets the team decide that they are meant to be so', () => {
    arrives(seconds);
    edit(project, 'edgeloop.yaml', ['psi: 2', 'psi: 50']);
    commit(project, 'seconds are what we measure now');
    const { verdict, report } = json(project, 0, 'retrain', 'churn');
    expect(verdict).toMatchObject({
      outcome: 'pass',
      warnings: [expect.stringMatching(/^total_day_minutes in the training data has shifted: PSI 1\d/)],
    });
    expect(readFileSync(report, 'utf8')).toMatch(/⚠️ total_day_minutes in the training data has shifted/);
  });

  it('refuses rows of the holdout among the training data', () => {
    const [header = [], ...rows] = csv(read(project, 'data/holdout.csv'));
    write(project, 'data/train/leak.csv', text([header, ...rows.slice(0, 40)]));
    commit(project, 'a leak');
    const tags = registryTags(project);
    expectError(project, ['retrain', 'churn'], {
      exit: 3,
      code: 'data-refused',
      says: ['40 of 1667 rows of the holdout (2.4 %) are in the training data, allowed 1 %'],
    });
    expect(registryTags(project)).toEqual(tags);
  });

  it('refuses a group for which the model got worse, and names it', () => {
    edit(
      project,
      'edgeloop.yaml',
      ['auc: { min: 0.85, tolerance: 0.025 }', 'auc: { tolerance: 0.05 }'],
      ['\n        log_loss: { tolerance: 15% }', ''],
    );
    arrives((row, header) =>
      row[header.indexOf('international_plan')] === 'yes'
        ? changed('churn', (cell) => (cell === 'yes' ? 'no' : 'yes'))(row, header)
        : row,
    );
    const { verdict, report } = json(project, 3, 'retrain', 'churn');
    expect(verdict.metrics.auc.passed).toBe(true);
    expect(verdict.reasons).toEqual([
      expect.stringMatching(/^in the slice international_plan = yes \(\d+ rows\): auc .* worse by/),
    ]);
    expect(readFileSync(report, 'utf8')).toContain('international_plan = yes');
  });

  it('decides by floors and budgets when the champion cannot take today’s holdout', () => {
    // The column is renamed wherever it stands: another model signature.
    for (const file of ['data/holdout.csv', 'data/train/churn-1.csv', 'training/columns.ts']) {
      const renamed = read(project, file).replaceAll('account_length', 'contract_length');
      write(project, file, renamed);
    }
    commit(project, 'a column has another name');
    const { verdict, report, next } = json(project, 0, 'retrain', 'churn');
    expect(verdict.outcome).toBe('pass');
    expect(verdict.reasons[0]).toMatch(
      /^no comparison with the champion was possible: .*account_length.*; floors and budgets decide$/,
    );
    expect(next).toMatchObject({ version: '2.0.0', bump: 'major' });
    expect(readFileSync(report, 'utf8').split('\n')[0]).toContain('without a comparison with champion');
    edit(project, 'edgeloop.yaml', ['min: 0.85, ', '']);
    commit(project, 'no floor');
    expect(json(project, 3, 'retrain', 'churn').verdict.reasons[0]).toContain('no metric has a floor');
  });

  it('judges a candidate again when the holdout moved after its verdict, and records that', () => {
    arrives((row) => row);
    const { candidate } = json(project, 0, 'retrain', 'churn');
    const verdicts = () => referrers(project, 'churn', VERDICT).map((each) => JSON.parse(each));
    const before = verdicts();
    const [header = [], ...rows] = csv(read(project, 'data/holdout.csv'));
    write(project, 'data/holdout.csv', text([header, ...rows.slice(0, 1500)]));
    commit(project, 'another holdout');
    expect(json(project, 0, 'release', 'churn')).toMatchObject({
      version: '1.0.1',
      modelManifest: { digest: candidate.digest },
    });
    const added = verdicts().filter(({ holdout }) => !before.some((each) => each.holdout === holdout));
    expect(added).toEqual([
      expect.objectContaining({ candidate: candidate.digest, outcome: 'pass', rows: 1500 }),
    ]);
    expect(json(project, 0, 'verify', 'churn')).toMatchObject({ ok: true });
  });

  it('refuses in the release what the moved holdout speaks against', () => {
    edit(project, 'edgeloop.yaml', ['trees: 120', 'trees: 60']);
    commit(project, 'fewer trees');
    json(project, 0, 'retrain', 'churn');
    const [header = [], ...rows] = csv(read(project, 'data/holdout.csv'));
    // Labels that nobody could predict.
    const label = header.indexOf('churn');
    const noise = rows.map((row, index) => row.with(label, index % 7 === 0 ? 'yes' : 'no'));
    write(project, 'data/holdout.csv', text([header, ...noise]));
    commit(project, 'a holdout that is noise');
    expectError(project, ['release', 'churn'], {
      exit: 3,
      code: 'gate-refused',
      says: ['the gate refused sha256:', /auc 0\.\d+ is below the min 0\.85/],
    });
    expect(git(project, 'tag', '--list', 'churn@*')).toBe('churn@v1.0.0\nchurn@v1.0.1');
  });
});
