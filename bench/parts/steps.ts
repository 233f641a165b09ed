import type { Run } from './benchmark.ts';
import { median } from './statistics.ts';

/** One command whose time counts, and what comes before it. */
export interface Step<Case extends string> {
  case: Case;
  /** Brings about what is measured; its time does not count. */
  prepare?: () => Promise<void>;
  command: readonly [string, ...string[]];
  cwd: string;
  /** What is wrong with what the command printed. */
  check?: (printed: string) => Promise<string | undefined> | string | undefined;
}

/** Seconds of each case that came to be measured in one run. */
export type Times<Case extends string> = Partial<Record<Case, number>>;

/**
 * Takes the steps one after the other. None begins when `until`, on the clock of `performance.now()`, has passed: the
 * times are then not complete.
 */
export async function takeSteps<Case extends string>(
  run: Run,
  steps: readonly Step<Case>[],
  until: number,
): Promise<{ times: Times<Case>; wrong: string[]; complete: boolean }> {
  const times: Times<Case> = {};
  const wrong: string[] = [];
  for (const step of steps) {
    if (performance.now() > until) return { times, wrong, complete: false };
    await step.prepare?.();
    const [program, ...args] = step.command;
    const began = performance.now();
    const printed = await run.processes.run(program, args, { cwd: step.cwd });
    times[step.case] = (performance.now() - began) / 1000;
    const problem = await step.check?.(printed);
    if (problem !== undefined) wrong.push(`${step.case}: ${problem}`);
  }
  return { times, wrong, complete: true };
}

export interface Figure {
  /** Seconds; NaN of none. */
  median: number;
  min: number;
  max: number;
  /** How many runs measured it. */
  runs: number;
}

/** What the runs say about one case. */
export function figureOf<Case extends string>(runs: readonly Times<Case>[], which: Case): Figure {
  const seconds = runs.flatMap((times) => times[which] ?? []);
  return {
    median: median(seconds),
    min: Math.min(...seconds),
    max: Math.max(...seconds),
    runs: seconds.length,
  };
}

/** The median of the ratios of two cases within a run; NaN when no run measured both. */
export function ratioOf<Case extends string>(runs: readonly Times<Case>[], of: Case, to: Case): number {
  return median(
    runs.flatMap((times) => {
      const [above, below] = [times[of], times[to]];
      return above === undefined || below === undefined ? [] : [above / below];
    }),
  );
}
