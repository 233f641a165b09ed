import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelSignature } from '../onnx/index.ts';
import { readTrainerFile, withLabels } from './index.ts';

function folderWith(content?: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-trainer-'));
  if (content !== undefined) writeFileSync(join(folder, 'trainer.json'), content);
  return folder;
}

describe('readTrainerFile', () => {
  it('reads each part, all of them optional, and nothing where there is no file', async () => {
    const said = { featureOrder: ['a', 'b'], labels: ['no', 1], notes: 'grün' };
    expect(await readTrainerFile(folderWith(JSON.stringify(said)))).toEqual(said);
    expect(await readTrainerFile(folderWith('{}'))).toEqual({});
    expect(await readTrainerFile(folderWith())).toEqual({});
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['no JSON', '{', /trainer\.json is not JSON/],
    ['no UTF-8', Uint8Array.from([0x22, 0xff, 0x22]), /trainer\.json is not UTF-8/],
    ['a list', '[]', /trainer\.json: expected object/],
    ['an unknown key', '{"feature_order": ["a"]}', /trainer\.json: .*"feature_order"/],
    ['an order that is no list', '{"featureOrder": "a,b"}', /"featureOrder": expected array/],
    ['an order that names nothing', '{"featureOrder": []}', /"featureOrder": /],
    ['a column twice', '{"featureOrder": ["a", "b", "a"]}', /"featureOrder": expected each column once/],
    ['a column that is a number', '{"featureOrder": [1]}', /"featureOrder\.0": expected string/],
    [
      'a label that is a fraction',
      '{"labels": ["a", 0.5]}',
      /"labels\.1": expected a text or a whole number/,
    ],
    ['a label twice', '{"labels": ["1", 1]}', /"labels": expected each label once/],
    ['one label', '{"labels": ["a"]}', /"labels": /],
    ['notes that are no text', '{"notes": 3}', /"notes": expected string/],
    ['notes without end', JSON.stringify({ notes: 'x'.repeat(4001) }), /"notes": .*4000/],
    ['a file without end', ' '.repeat(1024 * 1024 + 1), /trainer\.json has 1048577 bytes/],
  ])('refuses %s: names the file and what was expected', async (_, content, message) => {
    const read = readTrainerFile(folderWith(content));
    await expect(read).rejects.toMatchObject({
      code: 'trainer-file-invalid',
      exitCode: 1,
      message: expect.stringMatching(message),
      remedy: expect.stringContaining('{"featureOrder": [column, ...], "labels": '),
    });
  });

  it('refuses a folder of that name', async () => {
    const folder = folderWith();
    mkdirSync(join(folder, 'trainer.json'));
    await expect(readTrainerFile(folder)).rejects.toMatchObject({ code: 'trainer-file-invalid' });
  });
});

const named = (labels?: (string | number)[]): ModelSignature => ({
  inputs: [],
  outputs: [],
  ...(labels && { labels }),
});

describe('withLabels', () => {
  it.each<
    [
      string,
      (string | number)[] | undefined,
      (string | number)[] | undefined,
      (string | number)[] | undefined,
    ]
  >([
    ['the training names none', ['a', 'b'], undefined, ['a', 'b']],
    ['the model names none', undefined, ['a', 'b'], ['a', 'b']],
    ['the model names class indices', [0, 1], ['a', 'b'], ['a', 'b']],
    ['both name the same', ['a', 'b'], ['a', 'b'], ['a', 'b']],
    ['both name the same, as texts here', [3, 4], ['3', '4'], [3, 4]],
  ])('where %s', (_, own, labels, expected) => {
    expect(withLabels(named(own), labels).labels).toEqual(expected);
  });

  it.each([
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    [
      [0, 1, 2],
      ['a', 'b'],
    ],
    [
      [3, 4],
      ['a', 'b'],
    ],
  ])('refuses %j of the model beside %j', (own, labels) => {
    expect(() => withLabels(named(own), labels)).toThrow(
      expect.objectContaining({
        code: 'labels-disagree',
        message: expect.stringContaining(JSON.stringify(own)),
      }),
    );
  });
});
