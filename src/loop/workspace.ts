import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdToken } from '../azure/identity.ts';
import type { Mask } from '../azure/mask.ts';
import type { MlWorkspace } from '../azure/ml/workspace.ts';
import type { Config } from '../config/index.ts';
import { misuse } from '../errors.ts';
import type { WorkingTree } from '../git/index.ts';
import type { Locks, Reference, Registry, Repository } from '../oci/index.ts';
import type { VersionHistory } from '../versioning/index.ts';
import type { Mirror } from './mirror.ts';

export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void;

/** Who watches one training. */
export interface TrainingFollower {
  /** Takes the process that it runs in, the leader of a group of its own. */
  started?: (pid: number) => void;
  /** Takes each line that it prints, as it comes. */
  line: (line: string) => void;
  /** Takes the name of the service's job that it is. */
  submitted?: (job: string) => void;
  end: () => void;
}

export interface LoopDeps {
  cwd: string;
  /** Path given with `--config`. */
  config?: string | undefined;
  environment: NodeJS.ProcessEnv;
  /** Absent where no workflow runs that may prove which one it is. */
  idToken?: IdToken | undefined;
  mask: Mask;
  log: Log;
  /** Called when a training begins. */
  followTraining: (model: string) => TrainingFollower;
  now: () => Date;
  signal: AbortSignal;
}

/** A project as every verb of the loop sees it. */
export interface Workspace {
  config: Config;
  registry: Registry;
  /** Opens a repository that lies elsewhere, with the same accounts. */
  openReference: (reference: Reference) => Repository;
  /** Undefined outside a git repository. */
  sourceControl: WorkingTree | undefined;
  /** Where versions and channel moves are recorded; undefined where `sourceControl` is. */
  versionHistory: VersionHistory | undefined;
  /** What else says which versions there are. */
  mirrors: Mirror[];
  /** Opens the locks of a model's repository; undefined for a registry that has none. */
  locks: ((model: string) => Promise<Locks>) | undefined;
  /** Opens the Azure Machine Learning workspace, once. Throws `azure-required` where edgeloop.yaml names none. */
  azure: () => Promise<MlWorkspace>;
  deps: LoopDeps;
}

/** The model's repository in the registry. */
export function repositoryOf(workspace: Workspace, model: string): Repository {
  return workspace.registry.repository(model);
}

/** Where this project keeps what can be made again: `.edgeloop/<parts>` beside the configuration. */
export function workPath({ config }: Pick<Workspace, 'config'>, ...parts: string[]): string {
  return join(config.root, '.edgeloop', ...parts);
}

/** Makes that folder, and tells git to leave it alone. A project that cannot be written is planned all the same. */
export async function prepareWorkFolder(workspace: Workspace): Promise<void> {
  const file = workPath(workspace, '.gitignore');
  if (existsSync(file)) return;
  await mkdir(workPath(workspace), { recursive: true }).catch(() => undefined);
  await writeFile(file, '*\n', { flag: 'wx' }).catch(() => undefined);
}

/** The source control that a verb cannot do without. */
export function requireSourceControl(workspace: Workspace, verb: string): WorkingTree {
  if (workspace.sourceControl !== undefined) return workspace.sourceControl;
  throw misuse(
    'git-required',
    `${workspace.config.root} is not in a git repository, and ${verb} keeps versions as git tags`,
    'Make it one: git init && git add -A && git commit -m "first"',
  );
}

/** The record of versions that a verb cannot do without. */
export function requireVersionHistory(workspace: Workspace, verb: string): VersionHistory {
  return workspace.versionHistory ?? requireSourceControl(workspace, verb);
}
