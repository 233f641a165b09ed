import { git, runGit } from './run-git.ts';

/**
 * The branch that is released from: what `origin` calls its default, as far as it is known here; else `main` or `master`
 * where there is one; else the branch that is checked out, even before its first commit.
 */
export async function mainBranch(top: string): Promise<string> {
  const told = await symbolicRef(top, 'refs/remotes/origin/HEAD');
  if (told !== undefined) return told.replace(/^refs\/remotes\/origin\//, '');
  const usual = ['main', 'master'];
  const patterns = usual.flatMap((name) => [`refs/heads/${name}`, `refs/remotes/origin/${name}`]);
  const refs = (await git(top, ['for-each-ref', '--format=%(refname)', ...patterns])).split('\n');
  const found = usual.find((name) => refs.some((ref) => ref.endsWith(`/${name}`)));
  if (found !== undefined) return found;
  return (await symbolicRef(top, 'HEAD'))?.replace(/^refs\/heads\//, '') ?? 'main';
}

async function symbolicRef(top: string, name: string): Promise<string | undefined> {
  const { code, stdout } = await runGit(top, ['symbolic-ref', '--quiet', name]);
  return code === 0 ? stdout.toString().trim() : undefined;
}
