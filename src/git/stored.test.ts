import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { describeFiles, describeStored } from '../dataset/index.ts';
import type { CodeSnapshot } from '../training/index.ts';
import { openWorkingTree, type WorkingTree } from './index.ts';

let top: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'edgeloop-stored-'));
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 'Ada');
  git('config', 'user.email', 'ada@example.com');
  write('data/a.csv', 'a\n1\n');
  write('data/deep/b.csv', 'a\n2\n');
  write('data/large.bin', 'z'.repeat(200_000));
  write('data/empty', '');
  write('code/train.py', 'print(1)\n');
  write('.gitignore', '*.pyc\n');
  commit();
});

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: top,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
}

function commit(): void {
  git('add', '--all');
  git('commit', '--quiet', '--message', 'x');
}

async function open(): Promise<WorkingTree> {
  const tree = await openWorkingTree(top);
  if (tree === undefined) throw new Error(`${top} is no working tree`);
  return tree;
}

const at = (path: string) => join(top, path);

async function digestIn(snapshot: CodeSnapshot, path: string, cache?: string): Promise<string | undefined> {
  const [stored] = await snapshot.find([at(path)]);
  if (stored === undefined) return undefined;
  const name = path.split('/').at(-1) ?? '';
  const options = cache === undefined ? {} : { cache };
  return (await describeStored(snapshot.reader, stored, name, options))?.digest;
}

describe('what git stores', () => {
  it('has the name that the same files have on the disk', async () => {
    const tree = await open();
    const snapshot = tree.snapshot(await tree.head());
    for (const path of ['data', 'data/deep/b.csv', 'data/large.bin', 'data/empty'])
      expect(await digestIn(snapshot, path)).toBe((await describeFiles(at(path))).digest);
    expect(await digestIn(snapshot, 'nothing')).toBeUndefined();
    expect(await snapshot.find([join(top, '../outside')])).toEqual([undefined]);
  });

  it('is read once: its object id stands for it, unless what was remembered is damaged', async () => {
    const tree = await open();
    const snapshot = tree.snapshot(await tree.head());
    const cache = mkdtempSync(join(tmpdir(), 'edgeloop-trees-'));
    const [stored] = await snapshot.find([at('data')]);
    const first = await digestIn(snapshot, 'data', cache);
    const file = join(cache, 'trees', stored?.object ?? '');
    const nobody: CodeSnapshot['reader'] = {
      entries: () => Promise.reject(new Error('asked again')),
      contents: () => Promise.reject(new Error('asked again')),
    };
    if (stored === undefined) throw new Error('no data');
    const again = await describeStored(nobody, stored, 'data', { cache });
    expect(again?.digest).toBe(first);
    expect(Buffer.from((await again?.manifest()) ?? []).toString()).toContain('"path":"deep/b.csv"');
    const good = readFileSync(file, 'utf8');
    const digit = good.replace(
      /sha256:./,
      (found) => `${found.slice(0, -1)}${found.endsWith('0') ? '1' : '0'}`,
    );
    for (const bad of [digit, good.slice(0, 20), '']) {
      writeFileSync(file, bad);
      expect(await digestIn(snapshot, 'data', cache)).toBe(first);
    }
    rmSync(join(cache, 'manifests'), { recursive: true });
    await expect((await describeStored(nobody, stored, 'data', { cache }))?.manifest()).rejects.toThrow(
      'asked again',
    );
  });

  it('is read only where it is new: what was read before is known by its object, whatever folder holds it', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'edgeloop-trees-'));
    await digestIn((await open()).snapshot('HEAD'), 'data', cache);
    write('data/a.csv', 'a\n5\n');
    git('mv', 'data/large.bin', 'data/deep/large.bin');
    commit();
    const tree = await open();
    const snapshot = tree.snapshot(await tree.head());
    const asked: string[] = [];
    const watched: CodeSnapshot['reader'] = {
      ...snapshot.reader,
      contents: (objects, onChunk, signal) => {
        asked.push(...objects);
        return snapshot.reader.contents(objects, onChunk, signal);
      },
    };
    const again = await digestIn({ ...snapshot, reader: watched }, 'data', cache);
    expect(asked).toEqual([git('rev-parse', 'HEAD:data/a.csv')]);
    expect(again).toBe((await describeFiles(at('data'))).digest);
    writeFileSync(
      join(cache, 'blobs'),
      readFileSync(join(cache, 'blobs'), 'utf8').replace(/1\n$/, '0\n').slice(0, -2),
    );
    rmSync(join(cache, 'trees'), { recursive: true });
    expect(await digestIn(snapshot, 'data', cache)).toBe(again);
  });

  it('stops when it is cancelled', async () => {
    const tree = await open();
    const snapshot = tree.snapshot(await tree.head());
    const [stored] = await snapshot.find([at('data')]);
    const reason = new Error('enough');
    if (stored === undefined) throw new Error('no data');
    await expect(
      describeStored(snapshot.reader, stored, 'data', { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});

describe('unchanged', () => {
  const paths = ['data', 'code', 'data/a.csv'];
  const unchanged = async () => (await open()).unchanged(paths.map(at));

  it('is what the commit holds, also when it was only touched', async () => {
    expect(await unchanged()).toEqual([true, true, true]);
    utimesSync(at('data/a.csv'), 1, 1);
    expect(await unchanged()).toEqual([true, true, true]);
  });

  it.each([
    ['a changed file', () => write('data/a.csv', 'a\n3\n'), [false, true, false]],
    ['a staged change', () => (write('data/a.csv', 'a\n3\n'), git('add', '.')), [false, true, false]],
    ['a new file', () => write('data/new.csv', ''), [false, true, true]],
    ['an ignored file', () => write('code/x.pyc', ''), [true, false, true]],
    ['a removed file', () => rmSync(at('data/deep/b.csv')), [false, true, true]],
    [
      'a change that its size and time do not show',
      () => {
        write('data/a.csv', 'a\n3\n');
        const { mtimeMs } = { mtimeMs: Date.now() };
        utimesSync(at('data/a.csv'), mtimeMs / 1000, mtimeMs / 1000);
      },
      [false, true, false],
    ],
  ])('is not %s', async (_, change, expected) => {
    change();
    expect(await unchanged()).toEqual(expected);
  });

  it.each([
    ['core.autocrlf', () => git('config', 'core.autocrlf', 'true')],
    ['a sparse checkout', () => git('config', 'core.sparseCheckout', 'true')],
    ['text conversion', () => (write('.gitattributes', '* text=auto\n'), commit())],
    ['a filter', () => (write('.gitattributes', '# large\n*.csv filter=lfs diff=lfs -text\n'), commit())],
    ['attributes of the clone', () => write('.git/info/attributes', '*.csv eol=crlf\n')],
  ])('is in doubt with %s, under which files on the disk may be others', async (_, change) => {
    change();
    const [data, , csv] = await unchanged();
    expect([data, csv]).toEqual([false, false]);
  });

  it('is not in doubt with attributes that convert nothing here', async () => {
    write('.gitattributes', '*.csv -text diff\n*.bin binary\n');
    commit();
    expect(await unchanged()).toEqual([true, true, true]);
    write('.gitattributes', '* text=auto eol=lf\n*.csv -text\n*.bin binary\nempty -text\n*.zip filter=lfs\n');
    git('config', 'core.autocrlf', 'input');
    commit();
    expect(await unchanged()).toEqual([true, false, true]);
  });
});

describe('a path with characters of a pattern', () => {
  it('is that path, and no other', async () => {
    write('data[1]/a.csv', '1');
    write('data1/a.csv', '1');
    commit();
    write('data1/a.csv', '2');
    const tree = await open();
    expect(await tree.unchanged([at('data[1]'), at('data1')])).toEqual([true, false]);
    expect(await tree.uncommitted([at('data[1]')])).toEqual([]);
    write('.gitignore', 'data1/b*\n');
    expect(await tree.ignores([at('data[1]/b'), at('data1/b'), at('data1/*')])).toEqual([at('data1/b')]);
    await expect(tree.ignores(['/'])).rejects.toMatchObject({ code: 'git-failed' });
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-export-'));
    await tree.snapshot(await tree.head()).exportTo(folder, { without: [at('data[1]')] });
    expect(['data[1]', 'data1'].map((path) => existsSync(join(folder, path)))).toEqual([false, true]);
  });
});

describe('a snapshot of changes', () => {
  it('holds new files and not ignored ones, and leaves repository and index as they are', async () => {
    write('code/new.py', 'print(2)\n');
    write('code/cache.pyc', '');
    const before = [git('status', '--porcelain'), git('count-objects')];
    const tree = await open();
    const snapshot = await tree.snapshotOfChanges([at('code/new.py')]);
    try {
      const folder = join(mkdtempSync(join(tmpdir(), 'edgeloop-export-')), 'x');
      mkdirSync(folder);
      await snapshot.exportTo(folder, { without: [at('data')] });
      expect(readFileSync(join(folder, 'code/new.py'), 'utf8')).toBe('print(2)\n');
      expect(['data', 'code/cache.pyc'].filter((path) => existsSync(join(folder, path)))).toEqual([]);
      rmSync(at('code/cache.pyc'));
      expect(await digestIn(snapshot, 'code')).toBe((await describeFiles(at('code'))).digest);
    } finally {
      await snapshot.dispose();
    }
    write('code/cache.pyc', '');
    expect([git('status', '--porcelain'), git('count-objects')]).toEqual(before);
  });

  it('lacks what was removed', async () => {
    rmSync(at('code/train.py'));
    const snapshot = await (await open()).snapshotOfChanges([at('code/train.py')]);
    expect(await snapshot.find([at('code')])).toEqual([undefined]);
    await snapshot.dispose();
  });
});

describe('a snapshot of a commit', () => {
  it('is written without, or with only, some paths', async () => {
    const tree = await open();
    const snapshot = tree.snapshot(await tree.head());
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-export-'));
    await snapshot.exportTo(folder, { only: [at('data/deep'), at('nothing')] });
    expect(readFileSync(join(folder, 'data/deep/b.csv'), 'utf8')).toBe('a\n2\n');
    expect(existsSync(join(folder, 'code'))).toBe(false);
  });

  it('names a commit by what git takes for one', async () => {
    const tree = await open();
    expect(await tree.revision('main~0')).toBe(await tree.head());
    await expect(tree.revision('--help')).rejects.toMatchObject({ code: 'revision-unknown', exitCode: 2 });
    await expect(tree.revision('nowhere')).rejects.toMatchObject({ code: 'revision-unknown' });
  });
});
