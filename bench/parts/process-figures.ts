import { readFile } from 'node:fs/promises';

/** Memory of a process in MB (10^6 bytes). */
export interface Memory {
  /** Proportional set size: pages that several processes share count in part. */
  pss: number;
  /** Pages that only this process has: what its end would free. */
  unique: number;
}

/** What `/proc/PID/smaps_rollup` says. */
export async function memoryOf(pid: number): Promise<Memory> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const megabytes = (name: string) => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    if (kibibytes === undefined) throw new Error(`/proc/${pid}/smaps_rollup has no ${name}`);
    return (Number(kibibytes) * 1024) / 1e6;
  };
  return { pss: megabytes('Pss'), unique: megabytes('Private_Clean') + megabytes('Private_Dirty') };
}

/** Linux counts in hundredths of a second for user programs, whatever the kernel's own tick is. */
export const TICKS_PER_SECOND = 100;

/** User and system time of a process so far, `/proc/PID/stat` fields 14 and 15 of proc(5). */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The program's name, field 2, may hold blanks; nothing after its closing bracket does.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Processes that a process started and that have not ended. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
