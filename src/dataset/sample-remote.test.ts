import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entry, serve, sha256 } from '../../test/fixtures/web-folder.ts';
import { openHttpFolder, sampleRemote } from './index.ts';

const rows = (from: number, count: number): string =>
  `x\n${Array.from({ length: count }, (_, row) => 1000 + from + row).join('\n')}\n`;

async function sample(contents: Record<string, string>, bytes: number) {
  const files = Object.entries(contents).map(([path, text]) => entry(path, text, { sha256: sha256(text) }));
  const { url, asked } = await serve(contents, { files });
  const folder = join(mkdtempSync(join(tmpdir(), 'edgeloop-sample-')), 'sample');
  const found = await sampleRemote(openHttpFolder(url), files, folder, {
    bytes,
    cache: join(folder, '../cache'),
  });
  const texts = found.files.map((file) => [basename(file), readFileSync(file, 'utf8')]);
  return { asked, sampled: found.sampled, texts: Object.fromEntries(texts) };
}

describe('sampleRemote', () => {
  const contents = Object.fromEntries(
    Array.from({ length: 10 }, (_, part) => [`part-${part}.csv`, rows(100 * part, 100)]),
  );

  it('fetches all of what is small enough', async () => {
    const { sampled, texts } = await sample(contents, 1_000_000);
    expect({ sampled, texts }).toEqual({ sampled: false, texts: contents });
  });

  it('fetches as many whole files as fit, the same every time, and no other', async () => {
    const { asked, sampled, texts } = await sample(contents, 1600);
    expect(sampled).toBe(true);
    expect(Object.keys(texts)).toHaveLength(3);
    for (const [name, text] of Object.entries(texts)) expect(text).toBe(contents[name]);
    expect(asked.toSorted()).toEqual(Object.keys(texts).toSorted());
    expect((await sample(contents, 1600)).texts).toEqual(texts);
  });

  it('fetches the first lines of one file when not one of them fits', async () => {
    const large = { 'large.csv': rows(0, 200_000) };
    const { sampled, texts } = await sample(large, 5000);
    expect(sampled).toBe(true);
    const text = String(texts['large.csv']);
    expect(text.length).toBeGreaterThan(4000);
    expect(text.length).toBeLessThan(500_000);
    expect(large['large.csv'].startsWith(text)).toBe(true);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('is empty when nothing fits and nothing can be cut', async () => {
    expect(await sample({ 'large.parquet': 'x'.repeat(9000) }, 5000)).toMatchObject({
      sampled: true,
      texts: {},
      asked: [],
    });
  });
});
