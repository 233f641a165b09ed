import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { entry, md5, serve, sha256 } from '../../test/fixtures/web-folder.ts';
import {
  type DatasetFile,
  describeFiles,
  describeRemote,
  downloadRemote,
  openHttpFolder,
  parseManifest,
} from './index.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'edgeloop-remote-'));
});

async function fetchAll(url: string, folder = 'data'): Promise<string> {
  const store = openHttpFolder(url);
  const planned = parseManifest(await (await describeRemote(store)).manifest());
  return downloadRemote(store, planned, join(scratch, folder), { cache: join(scratch, 'cache') });
}

const texts = { 'a.csv': 'x\n1\n', 'deep/b c.csv': 'x\n2\n' };
const listing = {
  files: [
    entry('a.csv', texts['a.csv'], { sha256: sha256(texts['a.csv']) }),
    entry('deep/b c.csv', texts['deep/b c.csv'], { etag: md5(texts['deep/b c.csv']) }),
  ],
};

describe('a web folder with an index', () => {
  it('is named without a byte of its data, as files on a disk are where it tells their SHA-256', async () => {
    const { url, asked } = await serve(texts, listing);
    const dataset = await describeRemote(openHttpFolder(url));
    expect(dataset).toMatchObject({ files: 2, bytes: 8 });
    expect(asked).toEqual(['index.json']);
    const { url: exact } = await serve(texts, { files: [listing.files[0]] });
    writeFileSync(join(scratch, 'a.csv'), texts['a.csv']);
    expect((await describeRemote(openHttpFolder(exact))).digest).toBe((await describeFiles(scratch)).digest);
  });

  it('is fetched once, and again only when somebody has touched the copy', async () => {
    const { url, asked } = await serve(texts, listing);
    const folder = await fetchAll(url);
    expect(readFileSync(join(folder, 'deep/b c.csv'), 'utf8')).toBe(texts['deep/b c.csv']);
    const first = asked.length;
    await fetchAll(url);
    expect(asked.slice(first)).toEqual(['index.json']);
    writeFileSync(join(folder, 'a.csv'), 'changed');
    await fetchAll(url);
    expect(readFileSync(join(folder, 'a.csv'), 'utf8')).toBe(texts['a.csv']);
  });

  it('is fetched anew into the same folder when other files of it are wanted', async () => {
    const { url } = await serve(texts, listing);
    const store = openHttpFolder(url);
    const fetch = (files: DatasetFile[]) =>
      downloadRemote(store, files, join(scratch, 'data'), { cache: join(scratch, 'cache') });
    await fetch(listing.files.slice(0, 1));
    expect(readdirSync(await fetch(listing.files.slice(1)))).toEqual(['deep']);
  });

  it('is fetched by one of two that want it at once', async () => {
    const { url, asked } = await serve(texts, listing);
    const [one, other] = await Promise.all([fetchAll(url), fetchAll(url)]);
    expect(one).toBe(other);
    expect(asked.filter((name) => name === 'a.csv')).toHaveLength(1);
    expect(readdirSync(scratch).toSorted()).toEqual(['cache', 'data', 'data.digest']);
  });

  it('is refused when a file is another one by now', async () => {
    const { url } = await serve({ ...texts, 'deep/b c.csv': 'y\n2\n' }, listing);
    await expect(fetchAll(url)).rejects.toMatchObject({
      code: 'remote-changed',
      message: expect.stringContaining('deep/b c.csv is not there any more as it was planned (412)'),
    });
    expect(readdirSync(scratch)).toEqual([]);
  });

  it.each([
    ['another content of the same length', { 'a.csv': 'x\n9\n' }],
    ['a longer one', { 'a.csv': 'x\n1\n2\n' }],
  ])('is refused for %s', async (_, changed) => {
    const { url } = await serve({ ...texts, ...changed }, listing);
    await expect(fetchAll(url)).rejects.toMatchObject({ code: 'download-damaged' });
    expect(existsSync(join(scratch, 'data'))).toBe(false);
  });

  it('is asked again when a transfer is cut', async () => {
    let cuts = 1;
    const { url } = await serve(texts, listing, (request, response) => {
      if (!request.url?.endsWith('a.csv') || cuts-- <= 0) return false;
      response.writeHead(200, { 'content-length': 4 }).write('x\n');
      setTimeout(() => response.destroy(), 20);
      return true;
    });
    expect(readFileSync(join(await fetchAll(url), 'a.csv'), 'utf8')).toBe(texts['a.csv']);
  });

  describe('whose download was stopped half-way', () => {
    const text = 'x'.repeat(50_000) + 'y'.repeat(50_000);
    const half = text.length / 2;
    type Spoil = Parameters<typeof serve>[2];
    /** Stops a download when one half of the file has come, and downloads it again; says what was asked for then. */
    async function stopAndGoOn(
      told: Partial<DatasetFile>,
      { first = text, spoil }: { first?: string; spoil?: Spoil },
    ) {
      const stop = new AbortController();
      const ranges: unknown[] = [];
      const { url } = await serve({ a: text }, { files: [entry('a', text, told)] }, (request, response) => {
        if (!request.url?.endsWith('/a')) return false;
        if (stop.signal.aborted) {
          ranges.push(request.headers.range);
          return spoil?.(request, response) ?? false;
        }
        response.writeHead(200, { 'content-length': text.length }).write(first.slice(0, half));
        setTimeout(() => stop.abort(new Error('stopped')), 100);
        return true;
      });
      const store = openHttpFolder(url);
      const files = await store.list();
      const download = (signal?: AbortSignal) =>
        downloadRemote(store, files, join(scratch, 'data'), {
          cache: join(scratch, 'cache'),
          ...(signal && { signal }),
        });
      await expect(download(stop.signal)).rejects.toThrow('stopped');
      expect(existsSync(join(scratch, 'data'))).toBe(false);
      const error: unknown = await download().catch((thrown: unknown) => thrown);
      const come =
        existsSync(join(scratch, 'data')) && readFileSync(join(scratch, 'data/a'), 'utf8') === text;
      return { ranges, come, error };
    }
    const rest = `bytes=${half}-${text.length - 1}`;

    it.each([{ sha256: sha256(text) }, { etag: md5(text) }])('goes on there: %j', async (told) => {
      expect(await stopAndGoOn(told, {})).toMatchObject({ ranges: [rest], come: true });
    });

    it('takes the whole file from a server without ranges', async () => {
      const spoil: Spoil = (_, response) => Boolean(response.end(text));
      expect(await stopAndGoOn({ sha256: sha256(text) }, { spoil })).toMatchObject({
        ranges: [rest],
        come: true,
      });
    });

    it('takes the whole file when nothing would tell two halves of two files', async () => {
      expect(await stopAndGoOn({ version: '7' }, {})).toMatchObject({ ranges: [undefined], come: true });
    });

    it('takes it anew when the halves do not fit', async () => {
      const first = 'z'.repeat(text.length);
      expect(await stopAndGoOn({ sha256: sha256(text) }, { first })).toMatchObject({
        ranges: [rest, undefined],
        come: true,
      });
    });

    it.each([
      [
        'another ETag',
        { 'content-range': `bytes ${half}-${text.length - 1}/${text.length}`, etag: '"other"' },
      ],
      ['another range', { 'content-range': `bytes 0-${half - 1}/${text.length}` }],
    ])('is refused when the rest comes with %s', async (_, headers) => {
      const spoil: Spoil = (__, response) => Boolean(response.writeHead(206, headers).end(text.slice(half)));
      expect(await stopAndGoOn({ etag: md5(text) }, { spoil })).toMatchObject({
        error: { code: 'remote-changed' },
        come: false,
      });
      expect(readdirSync(scratch)).toEqual([]);
    });
  });

  it.each(['../out.csv', '/etc/out.csv', 'a//b', 'a/./b'])(
    'writes nothing outside of its folder: %s',
    async (path) => {
      const { url } = await serve({}, { files: [entry(path, '', { etag: 'x' })] });
      await expect(fetchAll(url)).rejects.toMatchObject({ code: 'remote-path-unsafe' });
      expect(readdirSync(scratch)).toEqual([]);
    },
  );

  it.each([
    ['no index', undefined, 'data-index-invalid'],
    ['an index without files', {}, 'data-index-invalid'],
    ['a file that nothing tells apart', { files: [{ path: 'a', size: 1 }] }, 'data-index-invalid'],
    ['a path twice', { files: [listing.files[0], listing.files[0]] }, 'data-index-invalid'],
    ['no file at all', { files: [] }, 'dataset-empty'],
  ])('is no dataset with %s', async (_, index, code) => {
    const { url } = await serve({}, index);
    await expect(describeRemote(openHttpFolder(url))).rejects.toMatchObject({ code });
  });

  it.each(['http://example.com/data', 'https://user:secret@example.com/', 'ftp://localhost/'])(
    'is not taken from %s',
    (url) => {
      expect(() => openHttpFolder(url)).toThrow(expect.objectContaining({ code: 'data-url-invalid' }));
      expect(() => openHttpFolder(url)).not.toThrow(/secret/);
    },
  );
});
