import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeFiles, parseManifest, provideFiles } from './index.ts';

function folderOf(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'edgeloop-files-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

async function pathsOf(path: string | readonly string[]): Promise<string[]> {
  return parseManifest(await (await describeFiles(path)).manifest()).map((file) => file.path);
}

describe('the files of a dataset', () => {
  it('are listed under the base name of each of several paths, whatever their order', async () => {
    const root = folderOf({ 'in/a/x.csv': '1', 'else/b.csv': '2' });
    const several = [join(root, 'in/a'), join(root, 'else/b.csv')];
    expect(await pathsOf(several)).toEqual(['a/x.csv', 'b.csv']);
    expect((await describeFiles(several)).digest).toBe((await describeFiles(several.toReversed())).digest);
  });

  it('cannot be several paths with one name', async () => {
    const root = folderOf({ 'in/a/x': '1', 'else/a/x': '2' });
    await expect(describeFiles([join(root, 'in/a'), join(root, 'else/a')])).rejects.toMatchObject({
      code: 'dataset-names-clash',
      exitCode: 2,
    });
  });

  it('are not those that .edgeloopignore names, nor what tools keep for themselves', async () => {
    const root = folderOf({
      '.edgeloopignore': '*.tmp\n/scratch/\n!keep.tmp\n',
      'a.csv': '',
      'b.tmp': '',
      'keep.tmp': '',
      'scratch/c.csv': '',
      'deep/scratch/d.csv': '',
      '.git/HEAD': '',
      '.edgeloop/cache/x': '',
    });
    expect(await pathsOf(root)).toEqual(['a.csv', 'deep/scratch/d.csv', 'keep.tmp']);
  });

  it('may be empty, and NFC and NFD spell two names', async () => {
    const [nfc, nfd] = ['\u00e4.csv', 'a\u0308.csv'];
    const root = folderOf({ [nfc]: '', [nfd]: '' });
    expect(await pathsOf(root)).toEqual([nfd, nfc]);
    expect((await describeFiles(folderOf({ [nfc]: '' }))).digest).not.toBe(
      (await describeFiles(folderOf({ [nfd]: '' }))).digest,
    );
  });

  it('must have names that are UTF-8', async () => {
    const root = folderOf({ 'a.csv': '' });
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x2e, 0x63])]), '');
    await expect(describeFiles(root)).rejects.toMatchObject({ code: 'dataset-name-invalid' });
  });
});

/** A process that appends to a file without a pause, for so long. */
async function writer(file: string, ms: number): Promise<void> {
  const script = `const { appendFileSync } = require('node:fs');
    const end = Date.now() + ${ms};
    process.stdout.write('begun');
    while (Date.now() < end) appendFileSync(process.argv[1], 'x');`;
  const child = spawn(process.execPath, ['-e', script, file]);
  onTestFinished(() => void child.kill());
  await once(child.stdout, 'data');
}

describe('a file that is written while it is read', () => {
  const large = 'y'.repeat(8 * 1024 * 1024);

  it('is read again when the writer has ended', async () => {
    const root = folderOf({ 'a.csv': large });
    await writer(join(root, 'a.csv'), 120);
    const { digest, bytes } = await describeFiles(root);
    expect(bytes).toBe(readFileSync(join(root, 'a.csv')).length);
    expect(digest).toBe((await describeFiles(root)).digest);
  });

  it('is refused when it never rests', async () => {
    const root = folderOf({ 'a.csv': large });
    await writer(join(root, 'a.csv'), 5_000);
    await expect(describeFiles(root)).rejects.toMatchObject({
      code: 'dataset-changing',
      message: expect.stringContaining('a.csv was written each of the 3 times'),
    });
  });
});

const out = () => join(mkdtempSync(join(tmpdir(), 'edgeloop-given-')), 'data');

describe('what a training is given', () => {
  const all = { absent: [] };

  it('is the path itself when that holds nothing else', async () => {
    const root = folderOf({ 'a.csv': '1' });
    expect(await provideFiles([root], all, out())).toBe(root);
    expect(await provideFiles([join(root, 'a.csv')], all, out())).toBe(join(root, 'a.csv'));
  });

  it('is one folder of copies for several paths, named as in the manifest', async () => {
    const root = folderOf({ 'in/a/x.csv': '1', 'else/b.csv': '2' });
    const given = await provideFiles([join(root, 'in/a'), join(root, 'else/b.csv')], all, out());
    expect(await pathsOf(given)).toEqual(['a/x.csv', 'b.csv']);
    writeFileSync(join(given, 'b.csv'), 'changed by a training');
    expect(readFileSync(join(root, 'else/b.csv'), 'utf8')).toBe('2');
  });

  it('does not hold what is ignored', async () => {
    const root = folderOf({ '.edgeloopignore': '*.tmp\n', 'a.csv': '', 'sub/b.tmp': '' });
    const given = await provideFiles([root], all, out());
    expect(given).not.toBe(root);
    expect(await pathsOf(given)).toEqual(['a.csv']);
  });
});
