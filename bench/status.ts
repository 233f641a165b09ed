import { join } from 'node:path';
import { z } from 'zod';
import { addReleases } from '../test/fixtures/many-releases.ts';
import { findTool } from '../test/tooling/find.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { prepareChurn, releaseChurn } from './parts/churn-project.ts';
import { PROGRAM } from './parts/program.ts';
import { figureOf, ratioOf, type Step, takeSteps, type Times } from './parts/steps.ts';

type Case = 'status' | 'status --json' | 'version' | 'for-each-ref' | 'gto show' | 'gto history';

const BUDGET_SECONDS = 1;
const statusSchema = z.object({
  models: z.array(z.object({ releases: z.array(z.object({ version: z.string() })) })),
});

/** How long `edgeloop status` takes with many versions. */
export default {
  about: 'edgeloop status with many versions, against gto show and git alone',
  defaults: { versions: 1000, runs: 9, 'gto-runs': 3, minutes: 5 },
  async measure(run: Run, numbers: Record<'versions' | 'runs' | 'gto-runs' | 'minutes', number>) {
    const { versions, runs, minutes } = numbers;
    run.progress(`one release, and ${versions - 1} more in its form`);
    const project = await prepareVersions(run, versions);
    const gto = findTool('gto');
    const until = performance.now() + minutes * 60_000;
    const taken: Times<Case>[] = [];
    const wrong: string[] = [];
    for (let index = 0; index < runs; index += 1) {
      run.progress(`run ${index + 1} of ${runs}`);
      const peers = gto === undefined || index >= numbers['gto-runs'] ? [] : gtoSteps(gto, project, versions);
      const own = ownSteps(project, versions);
      // Whatever the first of two has of it, the other one has as often.
      const steps = index % 2 === 0 ? [...peers, ...own] : [...own, ...peers];
      const { times, wrong: found, complete } = await takeSteps(run, steps, until);
      taken.push(times);
      wrong.push(...found);
      if (!complete) break;
    }
    return {
      tables: [tableOf(versions, taken)],
      notes: [
        'Each figure is a whole command with the start of its process. The registry is a folder, and a channel names a',
        'version. The budget is for `edgeloop status`. `git for-each-ref` lists the same tags and reads no lock file.',
        ...(gto === undefined ? ['GTO IS NOT MEASURED: `node test/tooling/install.ts` installs it.'] : []),
      ],
      json: { versions, cases: Object.fromEntries(CASES.map((name) => [name, figureOf(taken, name)])) },
      wrong,
    };
  },
} satisfies Benchmark;

const CASES: readonly Case[] = [
  'status',
  'status --json',
  'version',
  'for-each-ref',
  'gto show',
  'gto history',
];

const TITLES: Record<Case, string> = {
  status: 'edgeloop status',
  'status --json': 'edgeloop status --json',
  version: 'edgeloop --version',
  'for-each-ref': 'git for-each-ref refs/tags/churn@v*',
  'gto show': 'gto show churn@latest --version',
  'gto history': 'gto history churn --json',
};

async function prepareVersions(run: Run, versions: number): Promise<string> {
  const project = await prepareChurn(run);
  await releaseChurn(run, project);
  const rollout = ['rollout', 'churn@1.0.0', '--channel', 'production'];
  await run.processes.run(process.execPath, [PROGRAM, ...rollout], { cwd: project });
  addReleases(project, join(project, '.edgeloop/registry'), versions);
  return project;
}

const edgeloop = (...args: string[]): [string, ...string[]] => [process.execPath, PROGRAM, ...args];

/** How many versions a page of status lists. */
const listed = (page: string): number =>
  page.split('\n').filter((line) => /^ {2}1\.\d+\.\d/.test(line)).length;

function ownSteps(project: string, versions: number): Step<Case>[] {
  return [
    {
      case: 'status',
      command: edgeloop('status'),
      cwd: project,
      check: (printed) => counted(listed(printed), versions),
    },
    {
      case: 'status --json',
      command: edgeloop('status', '--json'),
      cwd: project,
      check: (printed) =>
        counted(statusSchema.parse(JSON.parse(printed)).models[0]?.releases.length ?? 0, versions),
    },
    { case: 'version', command: edgeloop('--version'), cwd: project },
    {
      case: 'for-each-ref',
      command: ['git', 'for-each-ref', 'refs/tags/churn@v*'],
      cwd: project,
      check: (printed) => counted(printed.trim().split('\n').length, versions),
    },
  ];
}

function gtoSteps(gto: string, cwd: string, versions: number): Step<Case>[] {
  const highest = `v1.${Math.floor((versions - 1) / 10)}.${(versions - 1) % 10}`;
  return [
    {
      case: 'gto show',
      command: [gto, 'show', 'churn@latest', '--version'],
      cwd,
      check: (printed) => (printed.trim() === highest ? undefined : `${printed.trim()}, not ${highest}`),
    },
    {
      case: 'gto history',
      command: [gto, 'history', 'churn', '--json'],
      cwd,
      check: (printed) => counted(printed.split('"registration"').length - 1, versions),
    },
  ];
}

const counted = (found: number, wanted: number): string | undefined =>
  found === wanted ? undefined : `${found} versions, not ${wanted}`;

function tableOf(versions: number, runs: Times<Case>[]) {
  return {
    title: `status: ${versions.toLocaleString('en')} versions`,
    head: ['command', 'seconds', 'of status', 'budget'],
    rows: CASES.filter((name) => figureOf(runs, name).runs > 0).map((name) => {
      const { median, min, max } = figureOf(runs, name);
      const held = median <= BUDGET_SECONDS ? 'held' : 'MISSED';
      return [
        TITLES[name],
        `${median.toFixed(3)} (${min.toFixed(3)}-${max.toFixed(3)})`,
        `${ratioOf(runs, name, 'status').toFixed(2)}x`,
        name.startsWith('status') ? `<= ${BUDGET_SECONDS} s: ${held}` : '',
      ];
    }),
  };
}
