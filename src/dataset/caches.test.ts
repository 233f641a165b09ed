import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HashedFile } from './hash-file.ts';
import { describeFiles } from './index.ts';
import { openStatCache, saveStatCache } from './stat-cache.ts';

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
const paths = ['a.csv', 'b.csv'];
const remembered = () => {
  const known = openStatCache(cache, root, Date.now());
  return paths.filter((path) => known.find(path, statSync(join(root, path))) !== undefined);
};

/** What a run an hour from now would write: the files have settled by then. A digest that no file has shows belief. */
function letFilesSettle(writtenMs = Date.now()): void {
  const files = new Map(
    paths.map((path): [string, HashedFile] => {
      const { size, mtimeMs, ctimeMs, ino } = statSync(join(root, path));
      const stamp = { size, mtimeMs, ctimeMs, ino };
      return [path, { sha256: '0'.repeat(64), size: 1, absent: false, stamp }];
    }),
  );
  const summary = { digest: `sha256:${'0'.repeat(64)}`, bytes: 2, absent: [] };
  saveStatCache(cache, root, files, summary, Date.now() + 3_600_000);
  rewriteHeader((header) => ({ ...header, startedMs: writtenMs }));
}

function rewriteHeader(change: (header: object) => object): void {
  const bytes = readFileSync(cacheFile());
  const end = bytes.indexOf('\n');
  const header = change(JSON.parse(bytes.toString('utf8', 0, end)));
  writeFileSync(cacheFile(), Buffer.concat([Buffer.from(JSON.stringify(header)), bytes.subarray(end)]));
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

  it('is not believed when the clock has gone back since, nor when it is damaged', async () => {
    letFilesSettle();
    expect(await cached()).not.toBe(await fresh());
    letFilesSettle(Date.now() + 60_000);
    expect(await cached()).toBe(await fresh());
    letFilesSettle();
    const whole = readFileSync(cacheFile());
    for (const damage of [
      () => whole.subarray(0, -5),
      () => whole.subarray(0, 20),
      () => Buffer.alloc(0),
      () => {
        const flipped = Buffer.from(whole);
        flipped[flipped.length - 1] = 1;
        return flipped;
      },
    ]) {
      writeFileSync(cacheFile(), damage());
      expect(await cached()).toBe(await fresh());
    }
  });

  it('says the same as reading does once files have settled, and has the same manifest', async () => {
    await sleep(2_700);
    await cached();
    expect(remembered()).toEqual(paths);
    const [known, read] = [await describeFiles(root, { cache }), await describeFiles(root)];
    expect({ ...known, manifest: await known.manifest() }).toEqual({
      ...read,
      manifest: await read.manifest(),
    });
    // The manifest is read later than the name: it must not be that of other files.
    write('a.csv', 'other');
    await expect(known.manifest()).rejects.toMatchObject({ code: 'dataset-changing' });
    write('c.csv', '3');
    expect(await cached()).toBe(await fresh());
    rmSync(join(root, 'c.csv'));
    expect(await cached()).toBe(await fresh());
  });

  it('finds files also when others were added or removed', async () => {
    letFilesSettle();
    write('a-new.csv', '1');
    expect(remembered()).toEqual(paths);
    const known = openStatCache(cache, root, Date.now());
    expect(known.find('b.csv', statSync(join(root, 'b.csv')))).toBeDefined();
    expect(known.find('a.csv', statSync(join(root, 'a.csv')))).toBeDefined();
    expect(known.find('a-new.csv', statSync(join(root, 'a-new.csv')))).toBeUndefined();
  });
});
