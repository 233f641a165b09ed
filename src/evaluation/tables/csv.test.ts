import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EdgeloopError } from '../../errors.ts';
import type { Batch } from './columns.ts';
import { openCsv } from './csv.ts';

describe('openCsv', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-csv-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (text: string | Uint8Array): Promise<string> => {
    const file = join(folder, 'table.csv');
    await writeFile(file, text);
    return file;
  };
  const problem = async (text: string): Promise<string> => {
    const file = await write(text);
    const error: unknown = await read(file).catch((thrown: unknown) => thrown);
    if (!(error instanceof EdgeloopError)) throw new Error('expected a coded error', { cause: error });
    expect(error.exitCode).toBe(1);
    return `${error.code} ${error.message.replace(file, 'FILE')}`;
  };

  it('hands out columns in batches of the size that was asked for', async () => {
    const batches = await read(await write('a,b\n1,x\n2,y\n3,z\n'), 2);
    expect(batches.map(({ rows }) => rows)).toEqual([2, 1]);
    expect(batches.map((batch) => batch.column('b'))).toEqual([['x', 'y'], ['z']]);
  });

  it('reads the same table again, and stops early when its reader does', async () => {
    const table = await openCsv(await write('a\n1\n2\n3\n'));
    for await (const batch of table.batches(1)) {
      expect([...batch.column('a')]).toEqual(['1']);
      break;
    }
    const texts = await Array.fromAsync(table.batches(2), (batch) => batch.column('a'));
    expect(texts).toEqual([['1', '2'], ['3']]);
  });

  it('tolerates a byte order mark, CRLF beside LF, blank lines and quotes, and still counts lines', async () => {
    const file = await write(
      '\uFEFFa,b\r\n\r\n1,"x ""y"", z"\n2,"two\r\nlines"\r\n\n3,"q",\n'.replace('q",', 'q"'),
    );
    const [batch] = await read(file);
    expect(batch?.column('b')).toEqual(['x "y", z', 'two\r\nlines', 'q']);
    expect([0, 1, 2].map((row) => batch?.place(row, 'b').replace(file, ''))).toEqual([
      ':3:3',
      ':4:3',
      ':7:3',
    ]);
  });

  it('places a cell by its character, behind quoted cells too', async () => {
    const file = await write('a,b,c\n"1,""1",22,x\n');
    const [batch] = await read(file);
    expect(batch?.place(0, 'c')).toBe(`${file}:2:12`);
  });

  it('reads a file of many chunks completely', async () => {
    const rows = 40_000;
    const file = await write(
      `n,text\n${Array.from({ length: rows }, (_, row) => `${row},text of row ${row}\n`).join('')}`,
    );
    const last = (await read(file)).at(-1);
    expect(last?.column('n').at(-1)).toBe(String(rows - 1));
    expect(last?.place(0, 'n')).toBe(`${file}:${rows - 1000 + 2}:1`);
  });

  it.each([
    ['', 'csv-empty FILE:1:1: the file is empty'],
    ['\uFEFF', 'csv-empty FILE:1:1: the file is empty'],
    ['a,b\n', 'csv-no-rows FILE:2:1: the file ends after its header'],
    ['a,b\n\n\n', 'csv-no-rows FILE:2:1: the file ends after its header'],
    ['a,b,a\n1,2,3\n', 'csv-duplicate-column FILE:1:5: the header names the column "a" twice'],
    ['a,b,c\n1,2,3\n4,5\n', 'csv-row-short FILE:3:4: the row ends after 2 of 3 columns: "c" is missing'],
    ['a,b\n1,2\n3,4,5\n', 'csv-row-long FILE:3:5: the row has 3 cells where 2 columns were expected'],
    ['a,b\n1,"2\n3,4\n', 'csv-syntax FILE:3: not valid CSV in cell 2 of the row: Quote Not Closed'],
    ['a,b\n1,2"3\n', 'csv-syntax FILE:2: not valid CSV in cell 2 of the row: Invalid Opening Quote'],
  ])('says where and what for %j', async (text, expected) => {
    expect(await problem(text)).toContain(expected);
  });

  it('names a file that is not there', async () => {
    await expect(openCsv(join(folder, 'none.csv'))).rejects.toMatchObject({
      code: 'table-unreadable',
      message: expect.stringContaining('none.csv'),
    });
  });
});

async function read(file: string, rowsPerBatch = 1000): Promise<Batch[]> {
  return Array.fromAsync((await openCsv(file)).batches(rowsPerBatch));
}
