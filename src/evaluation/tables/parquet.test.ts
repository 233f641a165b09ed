import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EdgeloopError } from '../../errors.ts';
import type { Batch } from './columns.ts';
import { openParquet } from './parquet.ts';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

describe('openParquet', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-parquet-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (bytes: Uint8Array): Promise<string> => {
    const file = join(folder, 'table.parquet');
    await writeFile(file, bytes);
    return file;
  };

  it('writes decimals, times and large integers with all their digits', async () => {
    const table = await openParquet(fixture('types.parquet'));
    const [batch] = await Array.fromAsync(table.batches(10));
    expect(Object.fromEntries(table.columns.map((name) => [name, batch?.column(name)]))).toEqual({
      decimal: ['12.30', '-0.07', ''],
      wide: ['-12345678901234567890.5', '0.0', ''],
      nanos: ['2023-11-14T22:13:20.123456789', '1969-12-31T23:59:59.999999999', ''],
      zoned: ['2023-11-14T22:13:20.500000+00:00', '1970-01-01T00:00:00+00:00', ''],
      time: ['12:34:56.789000', '00:00:00', ''],
      unsigned: ['18446744073709551615', '0', ''],
      half: ['1.5', '-2', '0'],
      bytes: ['abc', '', ''],
    });
  });

  it.each([
    ['nested.parquet', 'table-shape: the column "list" holds nested values (LIST)'],
    ['no-rows.parquet', 'parquet-no-rows: the file has 1 columns and no row'],
    ['lz4.parquet', 'parquet-compression: the column "text" is compressed with LZ4'],
  ])('says what speaks against %s', async (name, expected) => {
    expect(await problem(fixture(name))).toContain(expected);
  });

  it.each([
    ['nothing', '', 'not a Parquet file: it begins with ""'],
    ['a text', 'a,b\n1,2\n', 'not a Parquet file: it begins with "a,b\\n" where "PAR1"'],
    ['only its beginning', 'PAR1', 'the Parquet file is cut off'],
    ['no footer', 'PAR1PAR1', 'the Parquet file is cut off'],
    ['a footer of another length', 'PAR1....\u007f\u007f\u007f\u0000PAR1', 'not a valid Parquet file'],
    ['a footer of something else', 'PAR1........\u0008\u0000\u0000\u0000PAR1', 'not a valid Parquet file'],
  ])('tells a file of %s for what it is', async (_, text, expected) => {
    expect(await problem(await write(Buffer.from(text, 'latin1')))).toContain(`parquet-syntax: ${expected}`);
  });

  it('finds a file that was cut off, wherever that is', async () => {
    const bytes = await readFile(fixture('rows-snappy.parquet'));
    for (let length = 5; length < bytes.length; length += 501) {
      expect(await problem(await write(bytes.subarray(0, length)))).toContain(
        'parquet-syntax: the Parquet file is cut',
      );
    }
  });

  it('has no other answer to damaged pages than that they are damaged', async () => {
    const bytes = await readFile(fixture('rows-gzip.parquet'));
    const { columns } = await openParquet(fixture('rows-gzip.parquet'));
    const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
    let found = 0;
    for (let at = 4; at < footer; at += 37) {
      const damaged = Buffer.from(bytes);
      damaged.fill(0xff, at, Math.min(at + 12, footer));
      const said = await problem(await write(damaged), columns);
      if (said === undefined) continue;
      expect(said).toMatch(/^parquet-syntax: not a valid Parquet file/);
      found++;
    }
    expect(found).toBeGreaterThan(50);
  });
});

/** What is thrown when all of a file is read. */
async function problem(file: string, columns: readonly string[] = []): Promise<string | undefined> {
  const read = async (): Promise<Batch[]> => Array.fromAsync((await openParquet(file)).batches(7));
  try {
    for (const batch of await read()) for (const name of columns) batch.column(name);
    return undefined;
  } catch (error) {
    if (!(error instanceof EdgeloopError && error.exitCode === 1 && error.message.startsWith(`${file}: `)))
      throw new Error('expected a coded error that names the file', { cause: error });
    return `${error.code}: ${error.message.replace(`${file}: `, '')}`;
  }
}
