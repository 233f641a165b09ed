import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isSystemError } from '../errors.ts';

/**
 * Names this process so that another one can tell later whether it is gone: pid, start time (a pid is reused) and
 * where the pid counts (host and pid namespace: a container's neighbours share folders, but not pids).
 */
export function ownerName(): string {
  return `${process.pid}-${startTime(process.pid) ?? 0}-${pidScope()}`;
}

/** True when the process that wrote this name is certainly gone; false when it lives or cannot be judged from here. */
export function ownerIsGone(name: string): boolean {
  const [pid, started, scope] = name.split('-');
  if (scope !== pidScope() || !/^[1-9]\d*$/.test(pid ?? '')) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) return true;
  }
  const now = startTime(Number(pid));
  return now !== undefined && started !== '0' && now !== started;
}

function pidScope(): string {
  return createHash('sha256').update(`${hostname()} ${pidNamespace()}`).digest('hex').slice(0, 12);
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** Field 22 of /proc/PID/stat, ticks since boot (proc(5)); undefined where there is no /proc. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
