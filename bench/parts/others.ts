import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { TICKS_PER_SECOND } from './process-figures.ts';

/**
 * Starts to watch how much of the machine other programs, and other virtual machines on it, take; the function that comes back tells it as a share of all
 * processors. To be asked when every process that this one started has ended: only then does the system count their
 * time as this one's.
 */
export async function watchOthers(): Promise<() => Promise<number>> {
  const before = await seconds();
  const began = performance.now();
  return async () => {
    const after = await seconds();
    const others = after.machine - before.machine - (after.own - before.own);
    return Math.max(0, others / availableParallelism() / ((performance.now() - began) / 1000));
  };
}

const sum = (ticks: readonly (string | undefined)[]): number =>
  ticks.reduce((total, value) => total + Number(value), 0) / TICKS_PER_SECOND;

/** Processor seconds so far, proc(5): of the machine, and of this process with its children that have ended. */
async function seconds(): Promise<{ machine: number; own: number }> {
  const [, user, nice, system, , , irq, softirq, stolen] = (await readFile('/proc/stat', 'utf8')).split(
    /\s+/,
  );
  const stat = await readFile('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { machine: sum([user, nice, system, irq, softirq, stolen]), own: sum(fields.slice(11, 15)) };
}
