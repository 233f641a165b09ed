// What other people's linters say of our workflows and of those that init writes.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { edit } from '../fixtures/expect-error.ts';
import { findTool } from '../tooling/find.ts';
import { ALL, OURS, workflowsIn } from './repositories.ts';

const [ACTIONLINT, ZIZMOR] = [findTool('actionlint'), findTool('zizmor')];

interface Linted {
  clean: boolean;
  /** What it found, for people. */
  findings: string;
}

/** Runs actionlint without the tools that it calls only where they happen to be installed. */
function actionlint(repository: string): Linted {
  const args = ['-no-color', '-shellcheck=', '-pyflakes=', ...workflowsIn(repository)];
  const { status, stdout, stderr } = spawnSync(ACTIONLINT ?? '', args, { cwd: repository, encoding: 'utf8' });
  return { clean: status === 0, findings: stdout + stderr };
}

/** Runs zizmor, which reads its policy from the repository's own `.github/zizmor.yml`. */
function zizmor(repository: string): Linted {
  const args = [
    '--offline',
    '--persona',
    'pedantic',
    '--strict-collection',
    '--quiet',
    '--no-progress',
    '--color',
    'never',
    '.',
  ];
  const { status, stdout, stderr } = spawnSync(ZIZMOR ?? '', args, { cwd: repository, encoding: 'utf8' });
  const clean = status === 0 && stdout.startsWith('No findings to report.');
  return { clean, findings: clean ? '' : stdout + stderr };
}

const INJECTION = '- run: echo "${{ github.event.pull_request.title }}"';

/** Each repository, and a workflow of it to spoil. */
const CHECKED = ALL.map(({ name, make }) => ({
  name,
  make,
  file: `.github/workflows/${name === OURS.name ? 'example' : 'retrain'}.yml`,
}));

describe.skipIf(ACTIONLINT === undefined).each(CHECKED)('actionlint on $name', ({ make, file }) => {
  it('finds nothing', () => {
    expect(actionlint(make())).toEqual({ clean: true, findings: '' });
  });

  it.each([
    ['      - id: plan', `      ${INJECTION}\n      - id: plan`, 'potentially untrusted'],
    ['steps.plan.outputs.any', 'steps.plans.outputs.any', '"plans" is not defined'],
  ])('would find %j turned into %j', (from, to, finding) => {
    const repository = make();
    edit(repository, file, [from, to]);
    expect(actionlint(repository)).toEqual({ clean: false, findings: expect.stringContaining(finding) });
  });
});

describe.skipIf(ZIZMOR === undefined).each(CHECKED)('zizmor on $name', ({ make, file }) => {
  it('finds nothing', () => {
    expect(zizmor(make())).toEqual({ clean: true, findings: '' });
  });

  it.each([
    ['      - id: plan', `      ${INJECTION}\n      - id: plan`, 'template-injection'],
    [/actions\/checkout@.*/, 'actions/checkout@v6', 'unpinned-uses'],
    [/uses: \S+actions\/plan\S*/, 'uses: someone/else/actions/plan@v0', 'unpinned-uses'],
    ['persist-credentials: false', 'fetch-depth: 1', 'artipacked'],
    ['permissions: {}', 'permissions: write-all', 'excessive-permissions'],
  ])('would find %j turned into %j', (from, to, finding) => {
    const repository = make();
    edit(repository, file, [from, to]);
    expect(zizmor(repository)).toEqual({ clean: false, findings: expect.stringContaining(finding) });
  });
});
