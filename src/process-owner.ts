import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isSystemError } from './errors.ts';

/**
 * Names a process so that another one can tell later whether it is gone: pid, start time (a pid is reused), the boot
 * that both count in, and where the pid counts (host and pid namespace: a container's neighbours share folders, but
 * not pids).
 */
export function ownerName(pid: number = process.pid): string {
  return [pid, startTime(pid) ?? 0, bootId(), pidScope()].join('-');
}

/** True when the process of this name is certainly gone; false when it lives or cannot be judged from here. */
export function ownerIsGone(name: string): boolean {
  const [pid, started, boot, scope] = name.split('-');
  if (scope !== pidScope() || !/^[1-9]\d*$/.test(pid ?? '')) return false;
  if (boot !== bootId()) return true;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) return true;
  }
  const now = startTime(Number(pid));
  return now !== undefined && started !== '0' && now !== started;
}

/** True when the process of this name runs on; false when it is gone or cannot be judged from here. */
export function ownerRuns(name: string): boolean {
  return name.split('-')[3] === pidScope() && !ownerIsGone(name);
}

function pidScope(): string {
  return short(`${hostname()} ${textOf(() => readlinkSync('/proc/self/ns/pid'))}`);
}

/** Names the time since this machine was started; empty where there is no /proc. */
export function thisBoot(): string {
  return textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'));
}

function bootId(): string {
  return short(thisBoot());
}

function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Field 22 of /proc/PID/stat, ticks since boot (proc(5)); `ended` for a zombie; undefined where there is no /proc. */
function startTime(pid: number): string | undefined {
  const stat = textOf(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'ended' : fields[19];
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
