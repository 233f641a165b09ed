import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from './benchmark.ts';
import { commitAll, gitIn, initRepository } from './git-repository.ts';
import { type Amount, changeFile, digestOf, type Hashes, writeManyFiles } from './many-files.ts';

// No training runs: a plan only asks what the project holds.
const CONFIG = `registry: oci:.edgeloop/registry
models:
  many:
    data: { train: data/train, holdout: data/holdout.csv }
    train: { run: 'true', code: training, environment: packages.lock }
    evaluate:
      task: binary-classification
      label: label
      metrics: { auc: { tolerance: 0.02 } }
`;

/** git takes the time of a file that is as young as its index for no proof, and looks into the file again. */
const SETTLE_MS = 2000;

/** One project in three places, all of them with the same files. */
export interface ManyFilesProject {
  /** A git repository, its objects loose. */
  inGit: string;
  /** A copy without `.git`. */
  outside: string;
  /** A clone of the first commit, its objects packed. */
  clone: string;
  /** Dataset digests: of the clone, of what is committed, and of the repository's files as they are now. */
  digest: { first: string; committed: string; now: string };
  /** Changes one file and commits it. The copy outside of git follows. */
  changeAndCommit(): Promise<void>;
  /** Changes one file and leaves it at that. */
  change(): Promise<void>;
  /** Takes back what is not committed, and lets git refresh its index. */
  restore(): Promise<void>;
}

export async function prepareManyFiles(run: Run, folder: string, amount: Amount): Promise<ManyFilesProject> {
  const [inGit, outside, clone] = [join(folder, 'git'), join(folder, 'outside'), join(folder, 'clone')];
  const git = gitIn(run, inGit);
  const commit = async (message: string) => {
    await commitAll(git, message);
    await sleep(SETTLE_MS, undefined, { signal: run.signal });
  };
  await mkdir(inGit, { recursive: true });
  let hashes: Hashes = await writeProject(run, inGit, amount);
  await run.processes.run('cp', ['--archive', inGit, outside], { cwd: folder });
  await initRepository(git);
  // Else the first commit would have the objects packed, some time later and beside the measurements.
  await git('config', 'gc.auto', '0');
  await commit('the files');
  // A local clone would share the loose objects.
  await git('clone', '--quiet', '--no-local', inGit, clone);
  const first = digestOf(hashes, amount.size);
  const digest = { first, committed: first, now: first };
  let changes = 0;
  const changeIn = (roots: readonly string[]) => {
    changes += 1;
    const data = roots.map((root) => join(root, 'data/train'));
    return changeFile(data, hashes, { number: changes, size: amount.size });
  };
  return {
    inGit,
    outside,
    clone,
    digest,
    async changeAndCommit() {
      hashes = await changeIn([inGit, outside]);
      digest.committed = digest.now = digestOf(hashes, amount.size);
      await commit(`change ${changes}`);
    },
    async change() {
      digest.now = digestOf(await changeIn([inGit]), amount.size);
    },
    async restore() {
      await git('checkout', '--quiet', '--', '.');
      digest.now = digest.committed;
      await sleep(SETTLE_MS, undefined, { signal: run.signal });
      await git('status', '--porcelain');
    },
  };
}

async function writeProject(run: Run, root: string, amount: Amount): Promise<Hashes> {
  await mkdir(join(root, 'training'));
  const hashes = await writeManyFiles(run, join(root, 'data/train'), amount);
  const files = {
    'edgeloop.yaml': CONFIG,
    '.gitignore': '.edgeloop/\n',
    'packages.lock': 'nothing==1.0.0\n',
    'training/train.sh': 'true\n',
    'data/holdout.csv': 'amount,label\n1,0\n2,1\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  return hashes;
}

/** Removes what a plan remembers of earlier ones in a project. */
export async function forget(project: string): Promise<void> {
  await rm(join(project, '.edgeloop/cache'), { recursive: true, force: true });
}
