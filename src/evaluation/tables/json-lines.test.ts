import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EdgeloopError } from '../../errors.ts';
import type { Batch } from './columns.ts';
import { openJsonLines } from './json-lines.ts';

describe('openJsonLines', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-jsonl-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (text: string | Uint8Array): Promise<string> => {
    const file = join(folder, 'table.jsonl');
    await writeFile(file, text);
    return file;
  };

  it('takes values by their name, and a missing one for nothing', async () => {
    const file = await write('{"a":1,"b":"x"}\n{"b":null,"a":true}\n{}\n{"b":"z"}\n');
    const [batch] = await read(file);
    expect(batch?.column('a')).toEqual(['1', 'true', '', '']);
    expect(batch?.column('b')).toEqual(['x', '', '', 'z']);
  });

  it('keeps the order of the first line, also of names that are numbers or those of every object', async () => {
    const file = await write('{"y":0,"10":1,"2":2,"constructor":3,"__proto__":4}\n{"2":5}\n');
    const { columns } = await openJsonLines(file);
    expect(columns).toEqual(['y', '10', '2', 'constructor', '__proto__']);
    const [batch] = await read(file);
    expect(columns.map((name) => batch?.column(name))).toEqual([
      ['0', ''],
      ['1', ''],
      ['2', '5'],
      ['3', ''],
      ['4', ''],
    ]);
  });

  it('tolerates a byte order mark, CRLF, blank lines and no line end at last, and still counts lines', async () => {
    const file = await write('\uFEFF{"a":"ä\u2028"}\r\n\r\n  \n{"a": "\\"}{,:"}');
    const [batch] = await read(file);
    expect(batch?.column('a')).toEqual(['ä\u2028', '"}{,:']);
    expect([0, 1].map((row) => batch?.place(row, 'a').replace(file, ''))).toEqual([':1:6', ':4:7']);
  });

  it('keeps every digit of an integer', async () => {
    const [batch] = await read(
      await write('{"a":-9223372036854775808,"b":1e300}\n{"b":18446744073709551615,"a":1}\n'),
    );
    expect(batch?.column('a')).toEqual(['-9223372036854775808', '1']);
    expect(batch?.column('b')).toEqual(['1e+300', '18446744073709551615']);
  });

  it.each([
    ['', 'jsonl-empty FILE:1:1: the file is empty'],
    ['\n \n', 'jsonl-empty FILE:1:1: the file is empty'],
    ['{"a":1,"b":2,"a":3}', 'jsonl-duplicate-column FILE:1:18: the line names "a" twice'],
    ['{"a":1}\n{"a":2', 'jsonl-syntax FILE:2: not valid JSON'],
    ['{"a":1}\n{"a":NaN}\n', 'jsonl-syntax FILE:2: not valid JSON'],
    ['[{"a":1}]\n', 'jsonl-syntax FILE:1: found an array where a JSON object was expected'],
    ['{"a":1}\n7\n', 'jsonl-syntax FILE:2: found "7" where a JSON object was expected'],
    ['a,b\n1,2\n', 'jsonl-syntax FILE:1: not valid JSON'],
    ['PAR1\u0000\u0001', 'jsonl-syntax FILE:1: not valid JSON'],
    [
      '{"a":1}\n{"a":1, "é":[], "bb":2}\n',
      'table-shape FILE:2:13: found a value named "é", which the first line',
    ],
    ['{"a":1}\n\n{"a": {"b":[1]}}\n', 'table-shape FILE:3:7: "a" holds an object where one text or number'],
    ['{"a":[1]}\n', 'table-shape FILE:1:6: "a" holds an array where one text or number'],
  ])('says where and what for %j', async (text, expected) => {
    const file = await write(text);
    const error: unknown = await read(file).catch((thrown: unknown) => thrown);
    if (!(error instanceof EdgeloopError)) throw new Error('expected a coded error', { cause: error });
    expect(error.exitCode).toBe(1);
    expect(`${error.code} ${error.message.replaceAll(file, 'FILE')}`).toContain(expected);
  });

  it('refuses a file of one endless line before it fills the memory', async () => {
    const file = await write(`[${'{"a":1},'.repeat(2_200_000)}`);
    await expect(openJsonLines(file)).rejects.toMatchObject({
      code: 'jsonl-syntax',
      message: expect.stringContaining(':1: the line has more than 16777216 characters'),
    });
  });
});

async function read(file: string, rowsPerBatch = 1000): Promise<Batch[]> {
  return Array.fromAsync((await openJsonLines(file)).batches(rowsPerBatch));
}
