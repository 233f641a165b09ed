import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Batch, TableReader } from './columns.ts';
import { isTable, openTable } from './open-table.ts';

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name);

/** Every column of a table as texts. */
async function textsOf(table: TableReader, rowsPerBatch: number): Promise<Record<string, string[]>> {
  const texts: Record<string, string[]> = Object.fromEntries(table.columns.map((name) => [name, []]));
  for await (const batch of table.batches(rowsPerBatch)) {
    for (const name of table.columns) texts[name]?.push(...batch.column(name));
  }
  return texts;
}

describe('the same rows in every format', () => {
  it.each([
    'rows.jsonl',
    'rows-none.parquet',
    'rows-snappy.parquet',
    'rows-gzip.parquet',
    'rows-brotli.parquet',
    'rows-zstd.parquet',
    'rows-plain-v2.parquet',
    'rows-delta.parquet',
    'rows-pandas.parquet',
    'rows-stored.npz',
    'rows-deflated.npz',
  ])('%s has the texts of the CSV file', async (name) => {
    const csv = await openTable(fixture('rows.csv'));
    const table = await openTable(fixture(name));
    expect(table.columns).toEqual(csv.columns);
    const expected = await textsOf(csv, 1000);
    expect(expected.id?.at(-1)).toBe('9007199254741015');
    if (name.endsWith('.npz')) expected.number = (expected.number ?? []).map((text) => text || 'NaN');
    expect(await textsOf(table, 1000)).toEqual(expected);
    // Neither divides 23 rows, nor groups of 10.
    expect(await textsOf(table, 7)).toEqual(expected);
  });

  it.each(['rows.csv', 'rows.jsonl', 'rows-zstd.parquet', 'rows-deflated.npz'])(
    '%s comes in batches of the size that was asked for, again and again, and may be left early',
    async (name) => {
      const table = await openTable(fixture(name));
      for await (const batch of table.batches(4)) {
        expect(batch.column('whole')).toEqual(['-10', '-9', '-8', '-7']);
        break;
      }
      const sizes = await Array.fromAsync(table.batches(9), ({ rows }) => rows);
      expect(sizes).toEqual([9, 9, 5]);
    },
  );

  it.each([
    ['rows.csv', ':11:19'],
    ['rows.jsonl', ':9:73'],
    ['rows-zstd.parquet', ': row 9 (counted from 1), column "whole"'],
    ['rows-deflated.npz', ': row 9 (counted from 1), column "whole"'],
  ])('%s says where a cell lies', async (name, expected) => {
    const batches: Batch[] = await Array.fromAsync((await openTable(fixture(name))).batches(5));
    expect(batches[1]?.place(3, 'whole')).toBe(`${fixture(name)}${expected}`);
  });
});

describe('openTable', () => {
  it('goes by the ending of the name, in any case', () => {
    const names = [
      'a.csv',
      'a.JSONL',
      'a.ndjson',
      'a.Parquet',
      'a.npz',
      'a.json',
      'a.npy',
      'csv',
      'a.toString',
    ];
    expect(names.filter(isTable)).toEqual(names.slice(0, 5));
  });

  it('names what it can read, and what else to do', async () => {
    await expect(openTable('holdout.xlsx')).rejects.toMatchObject({
      code: 'table-format',
      exitCode: 2,
      message: expect.stringMatching(/holdout\.xlsx .*\.csv.*\.jsonl, \.ndjson.*\.parquet.*\.npz/),
      remedy: expect.stringContaining('evaluate.predict'),
    });
  });

  it.each(['csv', 'jsonl', 'parquet', 'npz'])('names a .%s file that is not there', async (ending) => {
    await expect(openTable(fixture(`none.${ending}`))).rejects.toMatchObject({
      code: 'table-unreadable',
      message: expect.stringContaining(`none.${ending}`),
    });
  });
});
