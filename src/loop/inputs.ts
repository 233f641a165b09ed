import { existsSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import {
  type Dataset,
  describeFiles,
  describeRemote,
  describeStored,
  parseManifest,
  type RemoteStore,
  type StoredPath,
} from '../dataset/index.ts';
import { EdgeloopError, misuse } from '../errors.ts';
import type { CodeSnapshot } from '../training/index.ts';
import { workPath, type Workspace } from './workspace.ts';

/** Where everything that decides a training lies; absolute paths. */
export interface Paths {
  /** Empty when the data lie elsewhere. */
  train: string[];
  /** Where the data lie, if not here. */
  remote: RemoteStore | undefined;
  /** Of one that lies elsewhere, only once `provideHoldout` has brought it. */
  holdout: string;
  remoteHoldout: RemoteStore | undefined;
  code: string;
  /** A lock file, or what Azure ML knows under a name. */
  environment: { file: string } | { named: string };
}

/** What of code and environment lies in files. */
export const decidingFiles = ({ code, environment }: Pick<Paths, 'code' | 'environment'>): string[] =>
  'file' in environment ? [code, environment.file] : [code];

/** What git knows of the checked-out commit, and of what differs from it; asked once, since every question takes time. */
export interface CheckedOut {
  head: CodeSnapshot;
  /** By absolute path: what the commit holds there. */
  stored: ReadonlyMap<string, StoredPath>;
  /** Absolute paths whose files are exactly those of the commit. */
  unchanged: ReadonlySet<string>;
}

/** Looks at what decides a training; `undefined` without git or before the first commit. */
export async function lookAtCheckout(
  workspace: Workspace,
  { train, ...deciding }: Paths,
): Promise<CheckedOut | undefined> {
  const { sourceControl } = workspace;
  const commit = await headOf(workspace);
  if (sourceControl === undefined || commit === undefined) return undefined;
  const head = sourceControl.snapshot(commit);
  const paths = [...train, ...decidingFiles(deciding)].filter((path) => isInside(sourceControl.top, path));
  const asked = [...paths, ...train.map((path) => `${path}.dvc`)];
  const [found, same] = await Promise.all([head.find(asked), sourceControl.unchanged(paths)]);
  const stored = asked.flatMap((path, index): [string, StoredPath][] => {
    const at = found[index];
    return at === undefined ? [] : [[path, at]];
  });
  return {
    head,
    stored: new Map(stored),
    unchanged: new Set(paths.filter((_, index) => same[index] === true)),
  };
}

/** The training data as they lie on this disk or in their store now. */
export async function describeData(
  workspace: Workspace,
  { train, remote }: Paths,
  checkedOut: CheckedOut | undefined,
): Promise<Dataset> {
  const options = readOptions(workspace);
  if (remote !== undefined) return describeRemote(remote, options.signal);
  const [path] = train;
  const stored = path === undefined ? undefined : checkedOut?.stored.get(path);
  if (checkedOut !== undefined && path !== undefined && stored !== undefined && train.length === 1) {
    const recorded = checkedOut.stored.has(`${path}.dvc`) || existsSync(`${path}.dvc`);
    // Files that are exactly those of the commit need not be looked at.
    if (!recorded && checkedOut.unchanged.has(path)) {
      const described = await describeStored(checkedOut.head.reader, stored, basename(path), {
        ...options,
        asOnDisk: true,
      });
      if (described !== undefined) return described;
    }
  }
  return describeFiles(train, options);
}

export interface CodeDescription {
  code: Dataset;
  /** `sha256:<hex>` of the lock file, or what stands for one. */
  environment: string;
}

/** Names code and environment, in a snapshot or, without one, as they lie on this disk. */
export async function describeCode(
  workspace: Workspace,
  { code, environment }: Pick<Paths, 'code' | 'environment'>,
  snapshot: CodeSnapshot | undefined,
): Promise<CodeDescription> {
  const [described, decided] = await Promise.all([
    describeIn(workspace, code, snapshot),
    'named' in environment ? environment.named : lockFile(workspace, environment.file, snapshot),
  ]);
  return { code: described, environment: decided };
}

async function lockFile(
  workspace: Workspace,
  path: string,
  snapshot: CodeSnapshot | undefined,
): Promise<string> {
  const lock = await describeIn(workspace, path, snapshot);
  const [file, ...others] = parseManifest(await lock.manifest());
  if (file?.sha256 !== undefined && file.path === basename(path) && others.length === 0)
    return `sha256:${file.sha256}`;
  throw misuse('environment-not-a-file', `"environment" is ${path}, not a file`, 'Name a lock file.');
}

async function describeIn(
  workspace: Workspace,
  path: string,
  snapshot: CodeSnapshot | undefined,
): Promise<Dataset> {
  const options = readOptions(workspace);
  const [stored] = snapshot === undefined ? [] : await snapshot.find([path]);
  if (snapshot !== undefined && stored !== undefined) {
    const described = await describeStored(snapshot.reader, stored, basename(path), options);
    if (described !== undefined) return described;
  }
  if (snapshot !== undefined) await requireNotIgnored(workspace, path);
  return describeFiles(path, options);
}

async function requireNotIgnored({ sourceControl }: Workspace, path: string): Promise<void> {
  if (sourceControl === undefined || !existsSync(path) || !isInside(sourceControl.top, path)) return;
  if ((await sourceControl.ignores([path])).length === 0) return;
  throw misuse(
    'code-ignored',
    `git ignores ${path}, so nobody could see later what made the model`,
    'Remove it from .gitignore and commit it.',
  );
}

/**
 * Code and environment as they are checked out: the commit, or, when they have changed since, what `git add` would take.
 * `undefined` without git or before the first commit.
 */
export async function withCheckedOut<T>(
  workspace: Workspace,
  deciding: Pick<Paths, 'code' | 'environment'>,
  checkedOut: CheckedOut | undefined,
  use: (snapshot: CodeSnapshot | undefined) => Promise<T>,
): Promise<T> {
  const { sourceControl } = workspace;
  if (sourceControl === undefined || checkedOut === undefined) return use(undefined);
  const paths = decidingFiles(deciding).filter((path) => isInside(sourceControl.top, path));
  const same = paths.every((path) => checkedOut.unchanged.has(path));
  const changed = same ? [] : await sourceControl.uncommitted(paths);
  if (changed.length === 0) return use(checkedOut.head);
  const snapshot = await sourceControl.snapshotOfChanges(
    changed.map((path) => join(sourceControl.top, path)),
  );
  try {
    return await use(snapshot);
  } finally {
    await snapshot.dispose();
  }
}

/** True for a path in a folder or below it. */
export function isInside(folder: string, path: string): boolean {
  return !/^\.\.([/\\]|$)/.test(relative(folder, path));
}

/** The commit that is checked out; `undefined` without git or before the first commit. */
async function headOf({ sourceControl }: Workspace): Promise<string | undefined> {
  return sourceControl?.head().catch((error: unknown) => {
    if (error instanceof EdgeloopError && error.code === 'git-no-commit') return undefined;
    throw error;
  });
}

/** What is read of files is remembered in the project's own folder. */
export function readOptions(workspace: Workspace): { cache: string; signal: AbortSignal } {
  return { cache: workPath(workspace, 'cache'), signal: workspace.deps.signal };
}
