/** Sends a signal to a process group, by its leader's id; does nothing when the group has ended by itself. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Whoever sends a signal cannot know that it has just ended.
  }
}
