import type { Processes } from '../../src/cli/quickstart/processes.ts';

/** What a benchmark may use while it runs. */
export interface Run {
  /** An empty folder, removed afterwards. */
  scratch: string;
  /** Ends every process that was started through it. */
  processes: Processes;
  signal: AbortSignal;
  /** What happens now; goes to stderr. */
  progress(line: string): void;
  /** Where the agent's gateway leaves a CPU profile. */
  profile?: string;
}

export interface Table {
  title: string;
  head: string[];
  rows: string[][];
}

export interface Measured {
  tables: Table[];
  /** What a reader must know to judge the figures. */
  notes: string[];
  /** The same figures for a program. */
  json: object;
  /** What was measured and was wrong, a request that failed for example: exit code 1. */
  wrong: string[];
}

export interface Benchmark {
  /** One line for the list. */
  about: string;
  /** Numbers that an option of the same name changes, with their defaults. */
  defaults: Record<string, number>;
  measure(run: Run, numbers: Record<string, number>): Promise<Measured>;
}
