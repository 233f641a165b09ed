import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from './benchmark.ts';
import { commitAll, gitIn, initRepository } from './git-repository.ts';
import { ROOT } from './program.ts';
import type { Step } from './steps.ts';

/** The newest that installs on Python 3.11. */
export const DVC_VERSION = '3.67.1';

export const DVC_CASES = [
  'dvc add, the first one',
  'dvc add again',
  'dvc status',
  'dvc repro, nothing to do',
  'dvc checkout in a fresh clone, with the cache',
  'dvc status in it',
] as const;
export type DvcCase = (typeof DVC_CASES)[number];

const STAGE = `stages:
  train:
    cmd: cp training/train.sh model
    deps: [data/train, training]
    outs:
      - model: { cache: false }
`;

/**
 * The path of DVC, which goes into `.tools` when it is not there yet. It has an environment of its own there: the
 * tests' tools share some of its packages, in versions of their own.
 */
export async function installDvc(run: Run): Promise<string> {
  const tools = join(ROOT, '.tools');
  const environment = join(tools, 'dvc');
  const program = join(environment, 'bin/dvc');
  const proof = join(tools, `dvc==${DVC_VERSION}.installed`);
  if (existsSync(proof)) return program;
  run.progress(`installing DVC ${DVC_VERSION} into .tools, which takes a minute`);
  await mkdir(tools, { recursive: true });
  const pip = ['install', '--quiet', '--disable-pip-version-check', `dvc==${DVC_VERSION}`];
  await run.processes.run('python3', ['-m', 'venv', environment], { cwd: tools });
  await run.processes.run(join(environment, 'bin/pip'), pip, { cwd: tools });
  await writeFile(proof, '');
  return program;
}

/** The same files with DVC: what git keeps of them is `data/train.dvc` and a stage that depends on them. */
export interface DvcProject {
  folder: string;
  clone: string;
  /** What a command of DVC starts with. */
  dvc: readonly [string, ...string[]];
  /** The same for the clone, which knows nothing of the project's. */
  dvcOfClone: readonly [string, ...string[]];
  /** What DVC remembers of each, beside their own folders. */
  memories: { project: string; clone: string };
  files: number;
}

/** Makes a DVC project of a copy of a project's files. */
export async function prepareDvc(
  run: Run,
  program: string,
  { folder, source, files }: { folder: string; source: string; files: number },
): Promise<DvcProject> {
  const project = join(folder, 'dvc');
  const memories = { project: join(folder, 'dvc-memory'), clone: join(folder, 'dvc-clone-memory') };
  // The user's own settings count no more than the search for newer versions.
  const settings = join(folder, 'dvc-settings');
  await mkdir(settings);
  await writeFile(join(settings, 'config'), '[core]\n  analytics = false\n  check_update = false\n');
  const command = (memory: string): readonly [string, ...string[]] => [
    'env',
    `DVC_GLOBAL_CONFIG_DIR=${settings}`,
    `DVC_SYSTEM_CONFIG_DIR=${join(folder, 'no-settings')}`,
    `DVC_SITE_CACHE_DIR=${memory}`,
    program,
  ];
  const prepared: DvcProject = {
    folder: project,
    clone: join(folder, 'dvc-clone'),
    dvc: command(memories.project),
    dvcOfClone: command(memories.clone),
    memories,
    files,
  };
  await run.processes.run('cp', ['--archive', source, project], { cwd: folder });
  await initRepository(gitIn(run, project));
  await writeFile(join(project, 'dvc.yaml'), STAGE);
  await runDvc(run, prepared, 'init', '--quiet');
  return prepared;
}

async function runDvc({ processes }: Run, { dvc, folder }: DvcProject, ...args: string[]): Promise<void> {
  const [first, ...rest] = dvc;
  await processes.run(first, [...rest, ...args], { cwd: folder });
}

/** One run of all of DVC's cases, each in the state that the one before it left. */
export function dvcSteps(run: Run, project: DvcProject): Step<DvcCase>[] {
  const { folder, clone, dvc, dvcOfClone } = project;
  const add = {
    command: [...dvc, 'add', '--quiet', 'data/train'],
    cwd: folder,
    check: () => added(project),
  } as const;
  return [
    { ...add, case: 'dvc add, the first one', prepare: () => forgetAll(project) },
    { ...add, case: 'dvc add again' },
    {
      case: 'dvc status',
      prepare: () => trainOnce(run, project),
      command: [...dvc, 'status'],
      cwd: folder,
      check: upToDate,
    },
    { case: 'dvc repro, nothing to do', command: [...dvc, 'repro'], cwd: folder, check: upToDate },
    {
      case: 'dvc checkout in a fresh clone, with the cache',
      prepare: () => cloneWithCache(run, project),
      command: [...dvcOfClone, 'checkout', '--quiet'],
      cwd: clone,
    },
    { case: 'dvc status in it', command: [...dvcOfClone, 'status'], cwd: clone, check: upToDate },
  ];
}

async function added({ folder, files }: DvcProject): Promise<string | undefined> {
  const text = await readFile(join(folder, 'data/train.dvc'), 'utf8');
  return text.includes(`nfiles: ${files}\n`) ? undefined : `data/train.dvc says:\n${text}`;
}

const upToDate = (printed: string): string | undefined =>
  printed.includes('Data and pipelines are up to date.') ? undefined : `not up to date:\n${printed}`;

/** Removes DVC's cache, what it remembers, and that the data was added. */
async function forgetAll({ folder, memories }: DvcProject): Promise<void> {
  const paths = [join(folder, '.dvc/cache'), join(folder, '.dvc/tmp'), join(folder, 'data/train.dvc')];
  for (const path of [...paths, memories.project]) await rm(path, { recursive: true, force: true });
}

/** The stage runs and is committed with the lock that it leaves; later runs find it so. */
async function trainOnce(run: Run, project: DvcProject): Promise<void> {
  const { folder } = project;
  if (existsSync(join(folder, 'dvc.lock'))) return;
  await runDvc(run, project, 'repro', '--quiet');
  await commitAll(gitIn(run, folder), 'the files');
}

async function cloneWithCache(run: Run, { folder, clone, memories }: DvcProject): Promise<void> {
  for (const path of [clone, memories.clone]) await rm(path, { recursive: true, force: true });
  await gitIn(run, folder)('clone', '--quiet', folder, clone);
  await writeFile(join(clone, '.dvc/config.local'), `[cache]\n  dir = ${join(folder, '.dvc/cache')}\n`);
}
