import { execFile } from 'node:child_process';
import { failure } from '../errors.ts';

export interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** Runs git in a folder without a prompt, a pager or a localised message; never throws for an exit code. */
export function runGit(
  folder: string,
  args: readonly string[],
  options: { input?: Uint8Array; environment?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const env = gitEnvironment(options.environment);
    const settings = { cwd: folder, env, encoding: 'buffer' as const, maxBuffer: 256 * 1024 * 1024 };
    const child = execFile(
      'git',
      [...args],
      { ...settings, ...(options.signal && { signal: options.signal }) },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') {
          if (error.signal) return reject(ended(args, error.signal));
          const missing = error.code === 'ENOENT';
          const message = missing ? 'git is not installed' : `git ${args[0]} did not run`;
          return reject(failure('git-not-run', message, 'Install git 2.30 or newer.', { cause: error }));
        }
        resolve({
          code: typeof error?.code === 'number' ? error.code : 0,
          stdout,
          stderr: stderr.toString(),
        });
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** Without a prompt, a localised message or a write that nobody asked for; a path is a path, never a pattern. */
export function gitEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const quiet = {
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
  };
  return { ...process.env, ...quiet, ...more };
}

function ended(args: readonly string[], signal: string): Error {
  return failure('git-failed', `git ${args[0]} was ended by ${signal}`, `Run the same command again.`);
}

/** Runs git and returns what it printed, without the last line feed; throws `git-failed` with git's own words. */
export async function git(
  folder: string,
  args: readonly string[],
  options: Parameters<typeof runGit>[2] = {},
): Promise<string> {
  const { code, stdout, stderr } = await runGit(folder, args, options);
  if (code === 0) return stdout.toString().replace(/\n$/, '');
  throw gitFailed(folder, args, stderr);
}

/** For a caller of `runGit` that knows which exit codes are answers. */
export function gitFailed(folder: string, args: readonly string[], stderr: string): Error {
  return failure(
    'git-failed',
    `git ${args[0]} failed in ${folder}: ${stderr.trim()}`,
    `Run it by hand: git ${args.join(' ')}`,
  );
}
