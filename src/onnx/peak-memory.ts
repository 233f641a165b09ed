import { readFile } from 'node:fs/promises';
import { isSystemError } from '../errors.ts';

/**
 * The most memory that a process has held at once, in bytes (VmHWM, proc_pid_status(5)); `undefined` where the system
 * has no /proc.
 */
export async function peakMemory(pid: number): Promise<number | undefined> {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
