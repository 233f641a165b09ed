// Layers that were made to do harm: each is refused, wherever it comes from, and nothing of it lands outside the
// hidden entries beside the target.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  openLayoutRegistry,
  openRegistry,
  PULL_MARKER,
  pullModel,
  type Repository,
} from '../../src/oci/index.ts';
import { longName, pax, type RawEntry, rawTar } from '../fixtures/hostile-tar.ts';
import { pushRawModel, scratchFolder, writeFiles } from '../fixtures/oci-layout.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';

/** What the device has besides: a place that an attacker knows, and another model. */
const CANARIES = { 'outside/canary': 'alive', 'models/other': 'alive' };
const M = 'models/churn/1/';
const TEN_TERABYTES = 10 * 1024 ** 4;
const good: RawEntry = { path: `${M}model.onnx`, content: 'a graph' };
const file = (path: string, content = 'evil'): RawEntry => ({ path, content });
const named = (path: string, type?: string): RawEntry[] => [pax({ path }, type), file(`${M}x`)];
const many = (count: number, entry: (at: number) => RawEntry): RawEntry[] =>
  Array.from({ length: count }, (_, at) => entry(at));

/** A file that needs 40 folders. */
const deepFile = (at: number): RawEntry => file(`${M}${at}/${'n/'.repeat(39)}x`);

/** What each layer holds; `outside` is a folder that an attacker knows, with a file `canary` in it. */
type Layers = (outside: string) => RawEntry[][];
const one =
  (...entries: RawEntry[]): Layers =>
  () => [[good, ...entries]];

const UNSAFE: [string, Layers][] = [
  ['a path that leads upwards', one(file(`${M}../../outside/x`))],
  ['a path that leads upwards and comes back', one(file(`${M}a/../b`))],
  ['a folder that leads upwards', one({ path: `${M}../../outside/x/`, type: '5' })],
  ['an absolute path', (outside) => [[good, file(`${outside}/x`)]]],
  ['a path outside of models/NAME/1/', one(file('etc/cron.d/x'))],
  ['a path of another version', one(file('models/churn/2/model.onnx'))],
  ['a path of another model', one(file('models/other/1/x'))],
  ['a path of another model in another layer', () => [[good], [file('models/other/1/x')]]],
  ['a file that is called as the model folder', () => [[file('models/churn/1')]]],
  ['a name without anything', one(file(''))],
  ['a backslash', one(file(`${M}..\\..\\x`))],
  ['a name of 300 bytes', one(...named(`${M}${'n'.repeat(300)}`))],
  ['a path of 5,000 bytes', one(...named(`${M}${'n/'.repeat(2500)}x`))],
  ['a pax path that leads upwards', one(...named(`${M}../../outside/x`))],
  ['a pax path that is absolute', (outside) => [[good, ...named(`${outside}/x`)]]],
  [
    'a pax path for all that leads upwards',
    () => [[pax({ path: '../outside/x' }, 'g'), pax({ mtime: '1' }), good]],
  ],
  ['a pax path with NUL', one(...named(`${M}x\0y`))],
  ['a GNU long name that leads upwards', one(longName(`${M}../../outside/x`), file(`${M}x`))],
  ['a ustar prefix that leads upwards', one({ ...file('x'), fields: { 345: `${M}../../outside` } })],
  ['a symbolic link', one({ path: `${M}x`, type: '2', link: 'model.onnx' })],
  [
    'a file through a symbolic link to a folder',
    (outside) => [[good, { path: `${M}l`, type: '2', link: outside }, file(`${M}l/canary`)]],
  ],
  [
    'a symbolic link in one layer and a file through it in the next',
    (outside) => [[good, { path: `${M}l`, type: '2', link: outside }], [file(`${M}l/canary`)]],
  ],
  [
    'a hard link to a file outside, and the file written',
    (outside) => [[good, { path: `${M}l`, type: '1', link: `${outside}/canary` }, file(`${M}l`)]],
  ],
  ['a hard link within the model', one({ path: `${M}l`, type: '1', link: `${M}model.onnx` })],
  ['a character device', one({ path: `${M}null`, type: '3', fields: { 329: '0000001\x000000003\0' } })],
  ['a block device', one({ path: `${M}disk`, type: '4', fields: { 329: '0000010\x000000000\0' } })],
  ['a fifo', one({ path: `${M}fifo`, type: '6' })],
  ['a contiguous file', one({ ...file(`${M}x`), type: '7' })],
  ['a GNU volume label', one({ path: `${M}x`, type: 'V' })],
  ['an entry of a type that nobody knows', one({ ...file(`${M}x`), type: 'Z' })],
  [
    '10 TB as a GNU sparse file',
    one({ path: `${M}x`, type: 'S', fields: { 483: sparseSize(TEN_TERABYTES) } }),
  ],
  ['10 TB as a pax sparse file 0.1', one(pax({ 'GNU.sparse.size': `${TEN_TERABYTES}` }), file(`${M}x`))],
  [
    '10 TB as a pax sparse file 1.0',
    one(
      pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': `${TEN_TERABYTES}` }),
      file(`${M}x`),
    ),
  ],
  ['a file that says 10 TB', one({ ...file(`${M}x`), size: TEN_TERABYTES })],
  ['a file that says 10 TB in a pax header', one(pax({ size: `${TEN_TERABYTES}` }), file(`${M}x`))],
  ['a file that is one byte longer than its layer', () => [[{ ...good, size: 2049 }]]],
  ['a folder with content', one({ path: `${M}x/`, type: '5', content: 'evil' })],
  ['one path twice', one(file(`${M}model.onnx`, 'another'))],
  ['one path twice, written in another way', one(file(`${M}./model.onnx`, 'another'))],
  ['one path in two layers', () => [[good], [file(`${M}model.onnx`, 'another')]]],
  ['a file where a folder is', one(file(`${M}a/b`), file(`${M}a`))],
  ['a folder where a file is', one({ path: `${M}model.onnx/`, type: '5' })],
  ['a file below a file', one(file(`${M}model.onnx/x`))],
  ['a file below a file of another layer', () => [[good], [file(`${M}model.onnx/x`)]]],
  ['the name that marks a whole copy', one(file(`${M}${PULL_MARKER}`, '{}'))],
  ['the name that marks a whole copy as a folder', one({ path: `${M}${PULL_MARKER}/`, type: '5' })],
  ['more than 10,000 entries', one(...many(10_000, (at) => ({ path: `${M}${at}/`, type: '5' })))],
  ['more than 10,000 folders that only paths name', one(...many(260, deepFile))],
  [
    'more than 10,000 folders in two layers',
    () => [many(130, deepFile), many(130, (at) => deepFile(130 + at))],
  ],
  ['the name that marks a whole copy above another', one(file(`${M}${PULL_MARKER}/x`))],
];

const DAMAGED: [string, Layers][] = [
  ['a pax header of 5 MiB', one(pax({ comment: 'c'.repeat(5 << 20) }), file(`${M}x`))],
  ['a pax header that says 10 TB', one({ ...pax({ comment: 'c' }), size: TEN_TERABYTES }, file(`${M}x`))],
  ['a GNU long name of 5 MiB', one(longName('n'.repeat(5 << 20)), file(`${M}x`))],
  ['a pax size that is no number', one(pax({ size: 'much' }), file(`${M}x`))],
  ['a pax size below nothing', one(pax({ size: '-1' }), file(`${M}x`))],
  ['a file that is longer than what is left of its layer', () => [[{ ...good, size: 1600 }]]],
];

function sparseSize(bytes: number): string {
  return `${bytes.toString(8).slice(-11).padStart(11, '0')}\0`;
}

describe('an image in a folder', () => {
  refusesAll(async () => undefined);
});
for (const kind of ['docker-registry', 'distribution'] as const) {
  describe.skipIf(!available(kind))(`an image in ${kind}`, () => {
    refusesAll(() => startRegistry(kind));
  });
}

function refusesAll(start: () => Promise<RunningRegistry | undefined>): void {
  let server: RunningRegistry | undefined;
  beforeAll(async () => void (server = await start()));
  afterAll(async () => server?.stop());
  let count = 0;
  const open = (scratch: string): Repository => {
    const registry =
      server === undefined ? openLayoutRegistry(scratch) : openRegistry(`${server.host}/hostile-${++count}`);
    return registry.repository('churn');
  };

  it.each(UNSAFE)('with %s', async (_, layers) => {
    const { error, others } = await pull(open, layers);
    expect(error).toMatchObject({
      code: 'layer-unsafe',
      exitCode: 3,
      message: expect.stringMatching(/^layer sha256:\w+ of .* holds ".*", which is not unpacked: ./s),
    });
    expect(others).toEqual(CANARIES);
  });

  it.each(DAMAGED)('with %s', async (_, layers) => {
    const { error, others } = await pull(open, layers);
    expect(error).toMatchObject({ code: 'layer-damaged', exitCode: 1 });
    expect(others).toEqual(CANARIES);
  });
}

/** Pulls it, and tells what was thrown and which files lie elsewhere than in hidden entries beside the target. */
async function pull(
  open: (scratch: string) => Repository,
  layers: Layers,
): Promise<{ error: unknown; others: Record<string, string> }> {
  await using scratch = await scratchFolder();
  const root = await writeFiles(join(scratch.path, 'device'), CANARIES);
  const tars = layers(join(root, 'outside')).map((entries) => rawTar(...entries));
  const repository = open(scratch.path);
  const digest = await pushRawModel(repository, tars);
  const error = await pullModel(repository, digest, join(root, 'models/churn')).catch(
    (thrown: unknown) => thrown,
  );
  const others: Record<string, string> = {};
  for (const path of await readdir(root, { recursive: true })) {
    if (['outside', 'models'].includes(path) || path.startsWith('models/.churn')) continue;
    others[path] = await readFile(join(root, path), 'utf8').catch(String);
  }
  return { error, others };
}
