import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { array, assert, asyncProperty, dictionary, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../digest.ts';
import { streamOf } from '../durable-file.ts';
import { type TarFile, writeTar } from './tar-writing.ts';
import { readTar } from './tar-reading.ts';
import { scratchFolder } from '../../../test/fixtures/oci-layout.ts';

const file = (path: string, content: string): TarFile => {
  const bytes = Buffer.from(content);
  return { path, size: bytes.length, open: () => streamOf(bytes) };
};
const tarOf = async (...files: TarFile[]): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(writeTar(files)));

async function contentOf(tar: Uint8Array, maxBytes = tar.byteLength): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const entry of readTar(streamOf(tar), maxBytes, 'the layer')) {
    const content = Buffer.concat(await Array.fromAsync(entry.content)).toString();
    found.push([entry.kind === 'folder' ? `${entry.path}/` : entry.path, content]);
  }
  return found;
}

async function* cutLine(): AsyncGenerator<Uint8Array> {
  yield (await tarOf(file('f', 'x'.repeat(3000)))).subarray(0, 1024);
  throw new RangeError('the line was cut');
}

describe('writeTar', () => {
  it('gives the same bytes in whatever order files come, each folder once and before its files', async () => {
    const files = [
      file('models/churn/1/b', 'B'),
      file('models/churn/1/a', 'A'),
      file('models/churn/1/x/c', 'C'),
    ];
    const tar = await tarOf(...files);
    expect(await tarOf(...files.toReversed())).toEqual(tar);
    expect(await contentOf(tar)).toEqual([
      ['models/', ''],
      ['models/churn/', ''],
      ['models/churn/1/', ''],
      ['models/churn/1/x/', ''],
      ['models/churn/1/a', 'A'],
      ['models/churn/1/b', 'B'],
      ['models/churn/1/x/c', 'C'],
    ]);
  });

  it('never changes its bytes, on which every digest rests', async () => {
    const long = `models/churn/1/${'long-folder-name/'.repeat(12)}weights.bin`;
    expect(
      digestOf(await tarOf(file('models/churn/1/model.onnx', 'onnx'), file(long, 'x'), file('ü', 'y'))),
    ).toBe('sha256:0f64a6404298558062e3346db790012462ea73a4e6e2f215ac350067006ab72e');
  });

  it('is read by tar with modes, owners and times as fixed', async () => {
    await using scratch = await scratchFolder();
    const names = ['a', `${'p/'.repeat(60)}${'n'.repeat(90)}`, `${'q'.repeat(200)}/ünïcode`, 'n'.repeat(101)];
    await writeFile(
      join(scratch.path, 'x.tar'),
      await tarOf(...names.map((name) => file(name, `content of ${name}`))),
    );
    const listed = execFileSync('tar', ['--utc', '--numeric-owner', '-tvf', 'x.tar'], {
      cwd: scratch.path,
      encoding: 'utf8',
    });
    for (const line of listed.trim().split('\n')) {
      expect(line).toMatch(/^(?:-rw-r--r--|drwxr-xr-x) 0\/0 +\d+ 1970-01-01 00:00 /);
    }
    execFileSync('tar', ['-xf', 'x.tar'], { cwd: scratch.path });
    for (const name of names)
      expect(await readFile(join(scratch.path, name), 'utf8')).toBe(`content of ${name}`);
  });

  it('writes a size over 8 GiB as a pax record', async () => {
    const huge = 9 * 1024 ** 3;
    const chunks = writeTar([{ path: 'w', size: huge, open: () => streamOf(new Uint8Array(1)) }]);
    const header = Buffer.from((await chunks.next()).value ?? []).toString('latin1');
    expect(header).toContain(`19 size=${huge}\n`);
  });

  it('reports a file that changed its length meanwhile', async () => {
    for (const content of ['short', 'much too long']) {
      await expect(tarOf({ ...file('f', content), size: 8 })).rejects.toMatchObject({ code: 'file-changed' });
    }
  });

  it('round-trips any files', async () => {
    const part = string({ unit: 'grapheme', minLength: 1, maxLength: 80 }).filter(
      (name) => !/[/\\\0]|^\.{1,2}$/.test(name) && Buffer.from(name).toString() === name,
    );
    const path = array(part, { minLength: 1, maxLength: 4 }).map((parts) => ['m', ...parts].join('/'));
    const files = dictionary(path, string({ maxLength: 1500 }), { maxKeys: 5 });
    await assert(
      asyncProperty(files, async (contents) => {
        const tar = await tarOf(...Object.entries(contents).map(([name, content]) => file(name, content)));
        expect(tar.byteLength % 512).toBe(0);
        const read = (await contentOf(tar)).filter(([name]) => !name.endsWith('/'));
        expect(Object.fromEntries(read)).toEqual({ ...contents });
      }),
      { numRuns: 60 },
    );
  });
});

// What hostile tars must not do is in test/faults/hostile-layers.test.ts.
describe('readTar refuses', () => {
  it('a tar that breaks off, is damaged, or is none', async () => {
    const tar = await tarOf(file('f', 'x'.repeat(3000)));
    const damaged = Buffer.from(tar);
    damaged.write('z', 0);
    for (const bytes of [
      tar.subarray(0, 2000),
      tar.subarray(0, 700),
      damaged,
      Buffer.from('<html>'.repeat(100)),
    ]) {
      await expect(contentOf(bytes, 10_000)).rejects.toMatchObject({ code: 'layer-damaged' });
    }
  });

  it('nothing of what the source itself reports', async () => {
    const read = Array.fromAsync(readTar(cutLine(), 10_000, 'the layer'), (entry) =>
      Array.fromAsync(entry.content),
    );
    await expect(read).rejects.toThrow(new RangeError('the line was cut'));
  });
});
