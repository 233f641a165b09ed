import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Ran {
  code: number;
  stdout: Buffer;
}

/** Git's plumbing in a bare repository. */
export interface BareRepository {
  folder: string;
  run(args: readonly string[], input?: string | Uint8Array, more?: NodeJS.ProcessEnv): Promise<Ran>;
  /** What it printed, without the last line feed; throws when it failed. */
  ask(args: readonly string[], input?: string | Uint8Array, more?: NodeJS.ProcessEnv): Promise<string>;
  /** `commit`, `tree`, `blob` or `tag`; undefined when there is no such object. */
  typeOf(object: string): Promise<string | undefined>;
  /** Runs something with an index of its own. */
  withIndex<T>(work: (environment: NodeJS.ProcessEnv) => Promise<T>): Promise<T>;
}

export function openBareRepository(folder: string): BareRepository {
  const repository: BareRepository = {
    folder,
    run: (args, input, more) =>
      new Promise((resolve) => {
        const env = { ...process.env, LC_ALL: 'C', ...more };
        const child = execFile(
          'git',
          ['-C', folder, ...args],
          { env, encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 },
          (error, stdout) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout }),
        );
        child.stdin?.on('error', () => {});
        child.stdin?.end(input ?? '');
      }),
    async ask(args, input, more) {
      const { code, stdout } = await repository.run(args, input, more);
      if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}`);
      return stdout.toString().replace(/\n$/, '');
    },
    async typeOf(object) {
      const { code, stdout } = await repository.run(['cat-file', '-t', object]);
      return code === 0 ? stdout.toString().trim() : undefined;
    },
    async withIndex(work) {
      const index = await mkdtemp(join(tmpdir(), 'edgeloop-github-index-'));
      try {
        return await work({ GIT_INDEX_FILE: join(index, 'index') });
      } finally {
        await rm(index, { recursive: true, force: true });
      }
    },
  };
  return repository;
}
