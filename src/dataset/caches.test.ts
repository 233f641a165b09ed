import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { describeFiles } from './index.ts';

let root: string;
let cache: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-cache-'));
  root = join(folder, 'data');
  cache = join(folder, 'cache');
  mkdirSync(root);
  write('a.csv', '1');
  write('b.csv', '2');
});

/** A file that was last written an hour ago, as far as its modification time can say. */
function write(name: string, text: string): void {
  const path = join(root, name);
  writeFileSync(path, text);
  const hourAgo = Date.now() / 1000 - 3600;
  utimesSync(path, hourAgo, hourAgo);
}

const cached = async () => (await describeFiles(root, { cache })).digest;
const fresh = async () => (await describeFiles(root)).digest;
const cacheFile = () => join(cache, 'files', readdirSync(join(cache, 'files'))[0] ?? '');
const remembered = () => readFileSync(cacheFile(), 'utf8').split('\n').slice(1, -2);

/** What a run an hour from now would have written: the files have settled by then. */
function letFilesSettle(): void {
  const stamps = ['a.csv', 'b.csv'].map((name) => {
    const { size, mtimeMs, ctimeMs, ino } = statSync(join(root, name));
    return { name, stamp: `${size} ${mtimeMs} ${ctimeMs} ${ino}` };
  });
  // A digest that no file has shows that it was believed.
  const lines = stamps.map(({ name, stamp }) => `${JSON.stringify(name)}\t${stamp}\t${'0'.repeat(64)}\t1\t0`);
  mkdirSync(join(cache, 'files'), { recursive: true });
  writeFileSync(cacheFile(), `${Date.now()}\n${lines.join('\n')}\nend\n`);
}

describe('the cache of what was read of files', () => {
  it('gives what reading gives, and is left out where it cannot be written', async () => {
    expect(await cached()).toBe(await fresh());
    expect((await describeFiles(root, { cache: join(root, 'a.csv') })).digest).toBe(await fresh());
  });

  it('does not remember files that were written just before they were read', async () => {
    await cached();
    expect(remembered()).toEqual([]);
  });

  it('is believed for files that have kept their stamp, and for no other', async () => {
    await cached();
    letFilesSettle();
    const believed = await cached();
    expect(believed).not.toBe(await fresh());
    for (const change of [
      () => write('a.csv', '3'),
      () => appendFileSync(join(root, 'a.csv'), 'x'),
      () => utimesSync(join(root, 'a.csv'), 1, 1),
    ]) {
      letFilesSettle();
      change();
      write('b.csv', '2');
      expect(await cached()).toBe(await fresh());
    }
  });

  it('is not believed when the clock has gone back since, nor when it is torn', async () => {
    await cached();
    letFilesSettle();
    const whole = readFileSync(cacheFile(), 'utf8');
    for (const damaged of [
      whole.replace(/^\d+/, String(Date.now() + 60_000)),
      whole.slice(0, -5),
      whole.replace(/^\d+/, 'soon'),
      '',
    ]) {
      writeFileSync(cacheFile(), damaged);
      expect(await cached()).toBe(await fresh());
    }
  });

  it('forgets files that are gone', async () => {
    await cached();
    write('c.csv', '1');
    await cached();
    expect(existsSync(cacheFile())).toBe(true);
    expect(readFileSync(cacheFile(), 'utf8')).not.toContain('never-there');
  });
});
