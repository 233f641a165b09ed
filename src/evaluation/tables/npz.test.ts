import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EdgeloopError } from '../../errors.ts';
import { openNpz } from './npz.ts';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

describe('openNpz', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-npz-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (bytes: Uint8Array): Promise<string> => {
    const file = join(folder, 'table.npz');
    await writeFile(file, bytes);
    return file;
  };

  it('has an array column for several values per row, little-endian', async () => {
    const table = await openNpz(fixture('tensors.npz'));
    expect(table.columns).toEqual(['y']);
    expect(table.arrays).toEqual([{ name: 'x', dataType: 'FP64', shape: [3] }]);
    const rows: number[][] = [];
    for await (const batch of table.batches(3, ['x'])) {
      rows.push([...new Float64Array(new Uint8Array(batch.array?.('x') ?? []).buffer)]);
    }
    expect(rows).toEqual([
      [1, 0, 0, 0, 0, 1, 0, 1, 0],
      [0, 1, 0],
    ]);
    const other = await openNpz(fixture('tensors-3d.npz'));
    expect(other.arrays).toEqual([{ name: 'pixels', dataType: 'UINT8', shape: [1, 3] }]);
  });

  it('reads every version of the npy format', async () => {
    const table = await openNpz(fixture('versions.npz'));
    const [batch] = await Array.fromAsync(table.batches(10));
    expect(table.columns.map((name) => batch?.column(name))).toEqual(
      ['v1', 'v2', 'v3'].map(() => ['1.5', '-2']),
    );
  });

  it.each([
    ['pickled.npz', 'table-shape: the array "x" holds pickled Python objects'],
    ['fortran.npz', 'table-shape: the array "x" is in Fortran order'],
    ['unequal.npz', 'table-shape: the array "x" has 3 rows and "y" has 4'],
    ['complex.npz', 'table-shape: the array "x" is of the type "<c16"'],
    ['records.npz', 'table-shape: the array "x" is of the type "[(\'a\''],
    ['scalar.npz', 'table-shape: the array "x" has the shape [], without a value for each row'],
    ['texts-2d.npz', 'table-shape: the array "x" holds several texts per row'],
    ['no-rows.npz', 'npz-no-rows: the arrays have no rows'],
    ['no-array.npz', 'npz-empty: the file holds no array'],
  ])('says what speaks against %s', async (name, expected) => {
    expect(await problem(fixture(name))).toContain(expected);
  });

  it.each([
    ['nothing', '', 'not an NPZ file: it begins with ""'],
    ['a text', 'a,b\n1,2\n', 'not an NPZ file: it begins with "a,b\\n"'],
    ['a lone array', '\u0093NUMPY\u0001\u0000', 'not an NPZ file: it begins with "\u0093NUM"'],
    ['only its beginning', 'PK\u0003\u0004', 'the NPZ file is cut off or damaged'],
  ])('tells a file of %s for what it is', async (_, text, expected) => {
    expect(await problem(await write(Buffer.from(text, 'latin1')))).toContain(`npz-syntax: ${expected}`);
  });

  it('finds a file that was cut off, wherever that is', async () => {
    const bytes = await readFile(fixture('rows-deflated.npz'));
    for (let length = 5; length < bytes.length; length += 101) {
      expect(await problem(await write(bytes.subarray(0, length)))).toContain(
        'npz-syntax: the NPZ file is cut off',
      );
    }
  });

  it.each(['rows-deflated.npz', 'rows-stored.npz'])(
    'finds every damaged byte of the arrays of %s',
    async (name) => {
      const bytes = await readFile(fixture(name));
      const directory = bytes.readUInt32LE(bytes.length - 6);
      let found = 0;
      for (let at = 90; at < directory; at += 61) {
        const damaged = Buffer.from(bytes);
        damaged.writeUInt8(damaged.readUInt8(at) ^ 0x15, at);
        const said = await problem(await write(damaged));
        // The names and times that a zip file keeps twice may differ without harm.
        if (said === undefined) continue;
        expect(said).toMatch(/^(npz-|table-shape)/);
        found++;
      }
      expect(found).toBeGreaterThan(15);
    },
  );

  it('refuses a zip file of something else', async () => {
    const bytes = await readFile(fixture('scalar.npz'));
    const renamed = Buffer.from(bytes.toString('latin1').replaceAll('x.npy', 'x.txt'), 'latin1');
    expect(await problem(await write(renamed))).toBe(
      'npz-syntax: the file holds "x.txt" where only arrays (.npy) were expected.',
    );
  });
});

/** What is thrown when all of a file is read. */
async function problem(file: string): Promise<string | undefined> {
  try {
    const { columns, arrays = [], batches } = await openNpz(file);
    for await (const batch of batches(
      7,
      arrays.map(({ name }) => name),
    )) {
      for (const name of columns) batch.column(name);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof EdgeloopError && error.exitCode === 1 && error.message.startsWith(`${file}: `)))
      throw new Error('expected a coded error that names the file', { cause: error });
    return `${error.code}: ${error.message.replace(`${file}: `, '')}`;
  }
}
