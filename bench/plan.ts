import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../src/errors.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { DVC_VERSION, dvcSteps, installDvc, prepareDvc } from './parts/dvc.ts';
import { type Amount, foldersOf } from './parts/many-files.ts';
import { prepareManyFiles } from './parts/many-files-project.ts';
import { figuresOf, type PlanCase, planTable } from './parts/plan-report.ts';
import { ownSteps } from './parts/plan-steps.ts';
import { type Step, takeSteps, type Times } from './parts/steps.ts';

type Numbers = {
  runs: number;
  'dvc-runs': number;
  minutes: number;
  files: number;
  size: number;
  'large-files': number;
  'large-size': number;
};

/** The part of the time limit that the fewer large files may use; what they leave is for the many small ones. */
const SHARE_OF_LARGE = 0.3;

interface Contest {
  amount: Amount;
  runs: Times<PlanCase>[];
  /** The time limit left out nothing. */
  complete: boolean;
  wrong: string[];
}

/** How long `edgeloop plan` takes to see what changed, many small files and fewer large ones. */
export default {
  about: 'edgeloop plan on many small files and on fewer large ones, against git and DVC',
  defaults: {
    runs: 5,
    'dvc-runs': 3,
    minutes: 8,
    files: 70_000,
    size: 275,
    'large-files': 5000,
    'large-size': 35_000,
  },
  async measure(run: Run, numbers: Numbers) {
    const dvc = await findDvc(run);
    const began = performance.now();
    const until = (share: number) => began + numbers.minutes * 60_000 * share;
    const small = { files: numbers.files, size: numbers.size };
    const large = { files: numbers['large-files'], size: numbers['large-size'] };
    const ofLarge = await contest(run, large, numbers, { dvc: dvc.program, until: until(SHARE_OF_LARGE) });
    const ofSmall = await contest(run, small, numbers, { dvc: dvc.program, until: until(1) });
    const contests = [ofSmall, ofLarge];
    return {
      tables: contests.map(({ amount, runs }) => planTable(titleOf(amount), runs)),
      notes: [...NOTES, dvc.note, ...cutShort(contests, numbers)],
      json: { contests: contests.map(({ amount, runs }) => ({ amount, cases: figuresOf(runs), runs })) },
      wrong: contests.flatMap(({ wrong }) => wrong),
    };
  },
} satisfies Benchmark;

/** Without it the rest is still worth measuring, but not under `CI=true`, where a missing tool is an error. */
async function findDvc(run: Run): Promise<{ program: string | undefined; note: string }> {
  try {
    return { program: await installDvc(run), note: `DVC is ${DVC_VERSION}. ${DVC_NOTE}` };
  } catch (error) {
    run.signal.throwIfAborted();
    if (process.env['CI'] === 'true') throw error;
    return { program: undefined, note: `DVC IS NOT MEASURED, it cannot be installed: ${messageOf(error)}` };
  }
}

const DVC_NOTE =
  'Its cache holds copies of the files; its project has a stage that depends on them and on the code.';

const NOTES = [
  'Medians with the smallest and the largest in brackets; a ratio is the median of the ratios within the runs. Each',
  'figure is a whole command with the start of its process. The budget of a plan with nothing changed is 1.5 x',
  '`git diff-index --quiet HEAD` + `edgeloop --version`, both of this table. Cold is without .edgeloop/cache.',
  'The page cache is warm: before a cold one the same plan runs unmeasured. The git objects are loose, as a new',
  "`git add` leaves them; the fresh clone's are packed. Between a commit and a plan two seconds pass.",
];

function cutShort(contests: readonly Contest[], { minutes }: Numbers): string[] {
  const short = contests.filter(({ complete }) => !complete);
  return short.map(
    ({ amount }) =>
      `TIME WAS UP (--minutes ${minutes}) for ${titleOf(amount)}: see how many runs are behind a figure.`,
  );
}

const titleOf = ({ files, size }: Amount): string =>
  `plan: ${files.toLocaleString('en')} files of ${size.toLocaleString('en')} bytes in ${foldersOf(files)} folders`;

async function contest(
  run: Run,
  amount: Amount,
  numbers: Numbers,
  { dvc, until }: { dvc: string | undefined; until: number },
): Promise<Contest> {
  const title = titleOf(amount);
  const folder = await mkdtemp(join(run.scratch, 'files-'));
  run.progress(`${title}: writing them, committing them, copies`);
  const project = await prepareManyFiles(run, folder, amount);
  const source = { folder, source: project.outside, files: amount.files };
  const peer = dvc === undefined ? undefined : await prepareDvc(run, dvc, source);
  const runs: Times<PlanCase>[] = [];
  const wrong: string[] = [];
  let complete = true;
  for (let index = 0; index < numbers.runs && complete; index += 1) {
    run.progress(`${title}: run ${index + 1} of ${numbers.runs}`);
    const own: Step<PlanCase>[] = ownSteps(run, project, index);
    const peers: Step<PlanCase>[] =
      peer === undefined || index >= numbers['dvc-runs'] ? [] : dvcSteps(run, peer);
    // Whatever the first of two has of it, the other one has as often.
    const steps = index % 2 === 0 ? [...peers, ...own] : [...own, ...peers];
    const taken = await takeSteps(run, steps, until);
    complete = taken.complete;
    runs.push(taken.times);
    wrong.push(...taken.wrong.map((line) => `${title}, run ${index + 1}, ${line}`));
  }
  await rm(folder, { recursive: true, force: true });
  return { amount, runs, complete, wrong };
}
