import type { Run } from './benchmark.ts';

type Git = (...args: string[]) => Promise<string>;

export function gitIn(run: Run, folder: string): Git {
  return (...args) => run.processes.run('git', args, { cwd: folder });
}

/** Makes a folder a git repository with an author; nothing is committed. */
export async function initRepository(git: Git): Promise<void> {
  await git('init', '--quiet', '--initial-branch=main');
  await git('config', 'user.name', 'Edgeloop bench');
  await git('config', 'user.email', 'bench@localhost');
}

/** Commits everything. */
export async function commitAll(git: Git, message: string): Promise<void> {
  await git('add', '--all');
  await git('commit', '--quiet', '--message', message);
}
