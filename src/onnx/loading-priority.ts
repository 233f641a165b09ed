import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Nice value of a session host while it loads: below everything that serves, above nothing else. */
const LOADING_PRIORITY = 10;

/**
 * Lowers the priority of a process that is about to load a model; the function that comes back restores it. Does
 * nothing where a priority once lowered could not be raised again, since the session would then stay slow for good.
 */
export function lowerPriority(pid: number): () => void {
  if (!mayRaisePriority()) return () => undefined;
  const before = getPriority(pid);
  setThreadPriorities(pid, Math.max(before, LOADING_PRIORITY));
  return () => setThreadPriorities(pid, before);
}

/**
 * Raising a priority needs CAP_SYS_NICE or RLIMIT_NICE, and neither tells the truth inside a user namespace, so it is
 * tried: on a helper thread of this process, which keeps a nice value higher by one when it may not go back.
 */
function mayRaisePriority(): boolean {
  const helper = threads(process.pid).find((thread) => thread !== process.pid);
  if (helper === undefined) return false;
  const normal = getPriority(process.pid);
  if (getPriority(helper) > normal) return false;
  try {
    setPriority(helper, normal + 1);
    setPriority(helper, normal);
    return true;
  } catch {
    return false;
  }
}

/** On Linux a priority belongs to a thread, and those that ONNX Runtime starts inherit the one of their starter. */
function setThreadPriorities(pid: number, priority: number): void {
  for (const thread of threads(pid)) {
    try {
      setPriority(thread, priority);
    } catch {
      // A thread that has just ended needs no priority.
    }
  }
}

/** Empty where there is no /proc, or no such process any more. */
function threads(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}
