import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeFiles, parseManifest, provideFiles } from './index.ts';

function folderOf(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'edgeloop-pointers-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** As git-lfs writes it. */
function pointerTo(content: string): string {
  const oid = createHash('sha256').update(content).digest('hex');
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;
}

const files = async (path: string) => parseManifest(await (await describeFiles(path)).manifest());

describe('a Git LFS pointer', () => {
  const content = 'a,b\n1,2\n';

  it('has the name of its content, so that a clone without the content plans the same', async () => {
    const [fetched, pointers] = [folderOf({ 'a.csv': content }), folderOf({ 'a.csv': pointerTo(content) })];
    const dataset = await describeFiles(pointers);
    expect(dataset).toMatchObject({ files: 1, bytes: content.length, absent: ['a.csv'] });
    expect(dataset.digest).toBe((await describeFiles(fetched)).digest);
  });

  it('is not enough for a training', async () => {
    const root = folderOf({ 'a.csv': pointerTo(content), 'b.csv': pointerTo('x'), 'c.csv': 'here' });
    await expect(provideFiles([root], await describeFiles(root), '/nowhere')).rejects.toMatchObject({
      code: 'dataset-absent',
      message: 'a.csv, b.csv are Git LFS pointers: the content is not here',
      remedy: 'Fetch it: git lfs pull',
    });
  });

  it('is recognised by its words only', async () => {
    const almost = pointerTo(content).replace('oid sha256:', 'oid sha1:');
    expect((await describeFiles(folderOf({ 'a.csv': almost }))).absent).toEqual([]);
  });
});

// Written by DVC 3.67 for these very files.
const TRAIN = { 'a.csv': 'a\n', 'sub/b.csv': 'b\n', 'a\u00e9.csv': 'c\n' };
const TRAIN_DVC = `outs:
- md5: af7183f4c7ccbed975bff452242ec32e.dir
  size: 6
  nfiles: 3
  hash: md5
  path: train
`;
const FILE_DVC = `outs:
- md5: 401b30e3b8b5d629635a5c613cdb7919
  size: 2
  hash: md5
  path: h.csv
`;
const below = (folder: string, of: Record<string, string>) =>
  Object.fromEntries(Object.entries(of).map(([path, text]) => [`${folder}/${path}`, text]));

describe('data that DVC records', () => {
  it('are named by the record, whether they are there or not', async () => {
    const here = folderOf({ 'train.dvc': TRAIN_DVC, ...below('train', TRAIN) });
    const away = folderOf({ 'train.dvc': TRAIN_DVC });
    expect(await files(join(away, 'train'))).toEqual([
      { md5: 'af7183f4c7ccbed975bff452242ec32e.dir', path: 'train', size: 6 },
    ]);
    expect(await files(join(here, 'train'))).toEqual(await files(join(away, 'train')));
  });

  it('may lie beside other files of a folder', async () => {
    const root = folderOf({ 'h.csv.dvc': FILE_DVC, 'h.csv': 'x\n', 'other.csv': '1' });
    expect((await files(root)).map(({ path, md5 }) => [path, md5])).toEqual([
      ['h.csv', '401b30e3b8b5d629635a5c613cdb7919'],
      ['other.csv', undefined],
    ]);
  });

  it('are given to a training when they are what was recorded', async () => {
    const root = folderOf({
      'train.dvc': TRAIN_DVC,
      ...below('train', TRAIN),
      'h.csv.dvc': FILE_DVC,
      'h.csv': 'x\n',
    });
    for (const name of ['train', 'h.csv']) {
      const path = join(root, name);
      expect(await provideFiles([path], await describeFiles(path), '/nowhere')).toBe(path);
    }
  });

  it('stop a training when they are absent, or something else', async () => {
    const root = folderOf({ 'train.dvc': TRAIN_DVC, ...below('train', TRAIN) });
    const path = join(root, 'train');
    const given = async () => provideFiles([path], await describeFiles(path), '/nowhere');
    writeFileSync(join(path, 'a.csv'), 'changed');
    await expect(given()).rejects.toMatchObject({
      code: 'dataset-differs',
      remedy: expect.stringContaining('dvc'),
    });
    rmSync(path, { recursive: true });
    await expect(given()).rejects.toMatchObject({ code: 'dataset-absent', remedy: 'Fetch it: dvc pull' });
  });

  it('cannot be told from a record that is none, or that is of something else', async () => {
    for (const text of ['', 'outs: []', 'outs:\n- path: train\n', TRAIN_DVC.replace('train', '../etc')]) {
      const root = folderOf({ 'train.dvc': text, 'train/a': '1' });
      await expect(describeFiles(join(root, 'train'))).rejects.toMatchObject({ code: 'dvc-file-invalid' });
    }
  });
});
