import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { datasetDifference, describeFiles, parseManifest } from './index.ts';

interface Vector {
  files: { path: string; text: string }[];
  manifest?: string;
  order: string[];
  digest: string;
}

const specification = readFileSync(new URL('../../docs/input-key.md', import.meta.url), 'utf8');
const vectors: { manifests: Vector[]; references: Vector[] } = JSON.parse(
  /```json\n([\s\S]*?)```/.exec(specification)?.[1] ?? '',
);

function folderOf(files: { path: string; text: string }[]): string {
  const root = mkdtempSync(join(tmpdir(), 'edgeloop-dataset-'));
  for (const { path, text } of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

describe('describeFiles', () => {
  it.each(vectors.manifests)('gives the digest $digest of docs/input-key.md', async (vector) => {
    const dataset = await describeFiles(folderOf(vector.files));
    expect(dataset.digest).toBe(vector.digest);
    expect(parseManifest(await dataset.manifest()).map(({ path }) => path)).toEqual(vector.order);
  });

  it.each(vectors.references)('names references as docs/input-key.md does', async (vector) => {
    const dataset = await describeFiles(folderOf(vector.files));
    expect(Buffer.from(await dataset.manifest()).toString()).toBe(vector.manifest);
    expect(dataset.digest).toBe(vector.digest);
  });

  it('writes the manifest of docs/input-key.md, byte for byte', async () => {
    const [vector] = vectors.manifests;
    const dataset = await describeFiles(folderOf(vector?.files ?? []));
    expect(Buffer.from(await dataset.manifest()).toString()).toBe(vector?.manifest);
  });

  it('does not depend on the order in which files were made, nor on their times', async () => {
    const files = ['c', 'a', 'b/x', 'b/a'].map((path) => ({ path, text: path }));
    const first = folderOf(files);
    const second = folderOf(files.toReversed());
    utimesSync(join(second, 'a'), 1, 1);
    expect((await describeFiles(first)).digest).toBe((await describeFiles(second)).digest);
  });

  it('names a single file by its base name and counts bytes', async () => {
    const dataset = await describeFiles(
      join(folderOf([{ path: 'deep/holdout.csv', text: 'x,y\n' }]), 'deep/holdout.csv'),
    );
    expect(parseManifest(await dataset.manifest())).toMatchObject([{ path: 'holdout.csv', size: 4 }]);
    expect(dataset).toMatchObject({ files: 1, bytes: 4 });
  });

  it('stops when it is cancelled', async () => {
    const reason = new Error('enough');
    const cancelled = describeFiles(folderOf([{ path: 'a', text: '1' }]), {
      signal: AbortSignal.abort(reason),
    });
    await expect(cancelled).rejects.toBe(reason);
  });

  it('names what is missing, empty or no file', async () => {
    const root = folderOf([{ path: 'a', text: '1' }]);
    mkdirSync(join(root, 'empty'));
    await expect(describeFiles(join(root, 'nothing'))).rejects.toMatchObject({ code: 'dataset-missing' });
    await expect(describeFiles(join(root, 'empty'))).rejects.toMatchObject({ code: 'dataset-empty' });
    symlinkSync('a', join(root, 'link'));
    await expect(describeFiles(root)).rejects.toMatchObject({
      code: 'dataset-not-a-file',
      message: expect.stringContaining('link'),
    });
  });
});

describe('datasetDifference', () => {
  it('tells added, removed and modified files', async () => {
    const before = await describeFiles(
      folderOf([
        { path: 'a', text: '1' },
        { path: 'b', text: '2' },
        { path: 'c', text: '3' },
      ]),
    );
    const after = await describeFiles(
      folderOf([
        { path: 'a', text: '1' },
        { path: 'b', text: 'x' },
        { path: 'd', text: '3' },
      ]),
    );
    const difference = datasetDifference(
      parseManifest(await before.manifest()),
      parseManifest(await after.manifest()),
    );
    expect(Object.values(difference).map((files) => files.map(({ path }: { path: string }) => path))).toEqual(
      [['d'], ['c'], ['b']],
    );
  });
});

describe('parseManifest', () => {
  it('names the line that is not one', () => {
    expect(() => parseManifest(Buffer.from('{"path":"a"}\n'))).toThrow(
      expect.objectContaining({ code: 'manifest-invalid', message: expect.stringContaining('line 1') }),
    );
  });
});
