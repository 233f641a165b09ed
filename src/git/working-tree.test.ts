import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SourceControl } from '../versioning/index.ts';
import { openWorkingTree } from './index.ts';

function run(folder: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

function repository(): string {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-git-'));
  run(folder, 'init', '--quiet', '--initial-branch=main');
  run(folder, 'config', 'user.name', 'Ada');
  run(folder, 'config', 'user.email', 'ada@example.com');
  writeFileSync(join(folder, 'data.csv'), 'x\n');
  run(folder, 'add', '.');
  run(folder, 'commit', '--quiet', '-m', 'first');
  return folder;
}

async function open(folder: string): Promise<SourceControl> {
  const tree = await openWorkingTree(folder);
  if (tree === undefined) throw new Error(`${folder} is no working tree`);
  return tree;
}

const lock = { path: 'models/churn/model.lock.json', bytes: Buffer.from('{"version":"1.0.0"}\n') };
const date = new Date('2026-01-02T03:04:05Z');

describe('openWorkingTree', () => {
  it('is undefined outside a repository, and says so before the first commit', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-git-'));
    expect(await openWorkingTree(folder)).toBeUndefined();
    run(folder, 'init', '--quiet');
    await expect((await open(folder)).head()).rejects.toMatchObject({ code: 'git-no-commit', exitCode: 2 });
  });

  it('takes a repository that git cannot use for what it is, not for none', async () => {
    const folder = repository();
    mkdirSync(join(folder, 'deep'));
    writeFileSync(join(folder, '.git/HEAD'), 'garbage');
    await expect(openWorkingTree(join(folder, 'deep'))).rejects.toMatchObject({
      code: 'git-unusable',
      exitCode: 2,
      message: expect.stringContaining(`git cannot use ${folder}/.git: fatal: `),
    });
  });

  it('tells which of the paths differ from the commit', async () => {
    const folder = repository();
    const tree = await open(folder);
    mkdirSync(join(folder, 'new'));
    writeFileSync(join(folder, 'new/ä "q".csv'), '1');
    writeFileSync(join(folder, 'elsewhere'), '1');
    expect(await tree.uncommitted(['data.csv', 'new'])).toEqual(['new/ä "q".csv']);
    writeFileSync(join(folder, 'data.csv'), 'y\n');
    expect(await tree.uncommitted(['data.csv'])).toEqual(['data.csv']);
  });
});

describe('commit and createTag', () => {
  it('adds files on a commit of no branch, without touching index or working tree', async () => {
    const folder = repository();
    const tree = await open(folder);
    const head = await tree.head();
    const commit = await tree.commit(head, [lock], 'churn 1.0.0', date);
    expect(await tree.createTag({ name: 'churn@v1.0.0', commit, message: 'churn 1.0.0' })).toBe(true);
    expect(run(folder, 'status', '--porcelain')).toBe('');
    expect(run(folder, 'rev-parse', 'HEAD', 'main')).toBe(`${head}\n${head}`);
    expect(run(folder, 'show', '--format=%P %an <%ae> %aI', '--name-only', commit)).toBe(
      `${head} Ada <ada@example.com> 2026-01-02T03:04:05+00:00\n\nmodels/churn/model.lock.json`,
    );
    expect(run(folder, 'cat-file', '-t', 'churn@v1.0.0')).toBe('tag');
    expect(Buffer.from((await tree.read(commit, lock.path)) ?? [])).toEqual(lock.bytes);
    expect(await tree.read(commit, 'nothing')).toBeUndefined();
    expect(await tree.tags('churn@v')).toMatchObject([{ name: 'churn@v1.0.0', commit }]);
    run(folder, 'fsck', '--strict');
  });

  it('never moves a tag that exists', async () => {
    const folder = repository();
    const tree = await open(folder);
    const head = await tree.head();
    const commit = await tree.commit(head, [lock], 'churn 1.0.0', date);
    expect(await tree.createTag({ name: 'churn@v1.0.0', commit, message: 'first' })).toBe(true);
    expect(await tree.createTag({ name: 'churn@v1.0.0', commit: head, message: 'second' })).toBe(false);
    expect(await tree.tags('churn@v')).toMatchObject([{ commit }]);
  });

  it('ignores lightweight tags, as GTO does', async () => {
    const folder = repository();
    run(folder, 'tag', 'churn@v9.0.0');
    expect(await (await open(folder)).tags('churn@v')).toEqual([]);
  });

  it('fetches nothing into a shallow clone of an origin without such tags', async () => {
    const clone = mkdtempSync(join(tmpdir(), 'edgeloop-clone-'));
    run(clone, 'clone', '--quiet', '--depth=1', `file://${repository()}`, '.');
    const tree = await open(clone);
    await tree.fetchTags('churn@v');
    expect(await tree.tags('churn@v')).toEqual([]);
    expect(run(clone, 'rev-parse', '--is-shallow-repository')).toBe('true');
  });

  it('creates the tag on origin first: of two clones one wins, and a shallow clone without tags sees it', async () => {
    const folder = repository();
    const origin = mkdtempSync(join(tmpdir(), 'edgeloop-origin-'));
    run(origin, 'clone', '--quiet', '--bare', folder, '.');
    const clones = ['--quiet', '--depth=1'].map((option) => {
      const clone = mkdtempSync(join(tmpdir(), 'edgeloop-clone-'));
      run(clone, 'clone', option, '--no-tags', `file://${origin}`, '.');
      return clone;
    });
    const trees = await Promise.all(clones.map(open));
    const results = await Promise.all(
      trees.map(async (tree, index) => {
        const commit = await tree.commit(await tree.head(), [lock], `from clone ${index}`, date);
        return tree.createTag({ name: 'churn@v1.0.0', commit, message: `by ${index}` });
      }),
    );
    expect(results.toSorted()).toEqual([false, true]);
    await Promise.all(trees.map((tree) => tree.fetchTags('churn@v')));
    const seen = await Promise.all(trees.map((tree) => tree.tags('churn@v')));
    const commit = run(origin, 'rev-parse', 'churn@v1.0.0^{commit}');
    expect(seen).toMatchObject([[{ commit }], [{ commit }]]);
    expect(run(clones[0] ?? '', 'rev-parse', '--is-shallow-repository')).toBe('false');
  });
});
