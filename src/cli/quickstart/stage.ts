import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { failure } from '../../errors.ts';
import type { Span } from './figures.ts';
import type { Load } from './load.ts';
import type { Narrator } from './narrator.ts';
import type { Processes } from './processes.ts';

export const MODEL = 'churn';
export const CHANNEL = 'production';

/** Another version begins to answer. */
export interface Swap {
  version: string;
  /** What asked for it: a new document of the channel, or the operator of the device. */
  by: 'channel' | 'rollback';
  /** From the start of the command that asks for it until its first answer. */
  swapMs: number;
  span: Span;
}

/** All load of the run. */
export interface Traffic {
  /** By version: what its own model file says about each row of the holdout. */
  expected: Map<string, Float64Array>;
  /** One after the other; only the last one may still run. */
  loads: Load[];
  running: boolean;
  steady: Span[];
  swaps: Swap[];
}

/** What the parts of the story share. */
export interface Stage {
  /** The user's repository. */
  project: string;
  /** Path of the built command line program. */
  program: string;
  processes: Processes;
  narrator: Narrator;
  traffic: Traffic;
  signal: AbortSignal;
}

/** Runs a verb as a process of its own and returns what it printed; throws for another exit code than expected. */
export async function edgeloop<Schema extends z.ZodType>(
  { processes, program, project, narrator }: Stage,
  schema: Schema,
  args: readonly string[],
  expected = 0,
): Promise<z.output<Schema>> {
  narrator.doing(`$ edgeloop ${args.join(' ')}`);
  const printed = await processes.run(process.execPath, [program, ...args, '--json'], {
    cwd: project,
    expected,
  });
  return schema.parse(JSON.parse(printed));
}

export async function git({ processes, project }: Stage, ...args: string[]): Promise<string> {
  return processes.run('git', args, { cwd: project });
}

/** Commits everything. */
export async function commit(stage: Stage, message: string): Promise<void> {
  await git(stage, 'add', '--all');
  await git(stage, 'commit', '--quiet', '--message', message);
}

/** The folder that is the registry here. */
export function registryFolder({ project }: { project: string }): string {
  return join(project, '.edgeloop/registry');
}

/** Waits; ends at once when the run is cancelled. */
export async function pause({ signal }: Stage, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** Fails the quickstart unless a step did what it says. */
export function require(condition: boolean, otherwise: string): void {
  if (condition) return;
  throw failure(
    'quickstart-failed',
    otherwise,
    'This is not what the quickstart promises: please report it.',
  );
}
