import { cpSync, existsSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { edgeloop } from '../fixtures/churn-project.ts';
import { emptyRepository } from '../fixtures/init-repository.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** A repository with workflows that must hold. */
export interface Checked {
  name: string;
  /** A new copy of it, with the workflows and what they call. */
  make: () => string;
}

export const OURS: Checked = { name: 'our own repository', make: ownRepository };

export const WRITTEN: Checked[] = [
  { name: 'what init writes', make: () => initialized() },
  { name: 'what init --example churn writes', make: () => initialized('--example', 'churn') },
];

export const ALL: Checked[] = [OURS, ...WRITTEN];

/** Paths of the workflows in a repository. */
export function workflowsIn(repository: string): string[] {
  return readdirSync(join(repository, '.github/workflows')).map((name) => `.github/workflows/${name}`);
}

/** Paths of our actions' descriptions. */
export function actionsIn(repository: string): string[] {
  const folder = join(repository, 'actions');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((verb) => `actions/${verb}/action.yml`)
    .filter((path) => existsSync(join(repository, path)));
}

function ownRepository(): string {
  const copy = emptyRepository({ name: 'edgeloop' });
  cpSync(join(ROOT, '.github'), join(copy, '.github'), { recursive: true });
  if (existsSync(join(ROOT, 'actions')))
    cpSync(join(ROOT, 'actions'), join(copy, 'actions'), { recursive: true });
  // actionlint looks for what an action runs.
  symlinkSync(join(ROOT, 'dist'), join(copy, 'dist'));
  return copy;
}

function initialized(...args: string[]): string {
  const repository = emptyRepository({ origin: 'git@github.com:acme/wine.git', branch: 'trunk' });
  const { code, stderr } = edgeloop(repository, 'init', ...args);
  if (code !== 0) throw new Error(stderr);
  return repository;
}
