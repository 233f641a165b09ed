import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { externalDataModel } from '../../test/fixtures/onnx-model.ts';
import { readModelFile } from './model-file.ts';

let folder: string;
let elsewhere: string;
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'edgeloop-external-'));
  [folder, elsewhere] = [join(root, 'model'), join(root, 'elsewhere')];
  mkdirSync(folder);
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'weights.bin'), new Uint8Array(4));
});

function readNaming(location: string) {
  writeFileSync(join(folder, 'model.onnx'), externalDataModel(location).model);
  return readModelFile(join(folder, 'model.onnx'));
}

describe('weights in files of their own', () => {
  it.each([
    ['beside the model', () => writeFileSync(join(folder, 'weights.bin'), ''), 'weights.bin'],
    [
      'in a folder below it',
      () => {
        mkdirSync(join(folder, 'data'));
        writeFileSync(join(folder, 'data/..weights'), '');
      },
      'data/..weights',
    ],
    [
      'behind a link that stays in the folder',
      () => {
        writeFileSync(join(folder, 'real.bin'), '');
        symlinkSync('real.bin', join(folder, 'weights.bin'));
      },
      'weights.bin',
    ],
  ])('may lie %s', async (_, prepare, location) => {
    prepare();
    expect((await readNaming(location)).externalData).toEqual([location]);
  });

  it.each<[string, () => void, string]>([
    ['an absolute path', () => {}, '/etc/hostname'],
    ['a path upwards', () => {}, '../elsewhere/weights.bin'],
    ['a path down and upwards', () => mkdirSync(join(folder, 'a')), 'a/../../elsewhere/weights.bin'],
    ['a path upwards on Windows', () => {}, '..\\elsewhere\\weights.bin'],
    ['a path with an end in it', () => {}, 'weights.bin\0'],
    [
      'a link that leaves the folder',
      () => symlinkSync(join(elsewhere, 'weights.bin'), join(folder, 'weights.bin')),
      'weights.bin',
    ],
    [
      'a link of links that leaves it',
      () => {
        symlinkSync('second', join(folder, 'weights.bin'));
        symlinkSync('../elsewhere/weights.bin', join(folder, 'second'));
      },
      'weights.bin',
    ],
    [
      'a folder that is a link and leaves it',
      () => symlinkSync('../elsewhere', join(folder, 'data')),
      'data/weights.bin',
    ],
    [
      'a folder whose name begins as its own',
      () => symlinkSync(`${folder}-2`, join(folder, 'data')),
      'data/w',
    ],
  ])('are refused as %s', async (_, prepare, location) => {
    mkdirSync(`${folder}-2`);
    linkSync(join(elsewhere, 'weights.bin'), `${folder}-2/w`);
    prepare();
    await expect(readNaming(location)).rejects.toMatchObject({
      code: 'model-data-outside',
      message: expect.stringContaining(JSON.stringify(location)),
      remedy: expect.stringContaining('relative path'),
    });
  });

  it.each<[string, () => void]>([
    ['that is missing', () => {}],
    ['that is a link to nothing', () => symlinkSync('nothing', join(folder, 'weights.bin'))],
    ['that is a folder', () => mkdirSync(join(folder, 'weights.bin'))],
    ['that is a pipe', () => void execFileSync('mkfifo', [join(folder, 'weights.bin')])],
  ])('are refused in a file %s', async (_, prepare) => {
    prepare();
    await expect(readNaming('weights.bin')).rejects.toMatchObject({
      code: 'model-data-missing',
      message: expect.stringContaining('"weights.bin"'),
    });
  });
});
