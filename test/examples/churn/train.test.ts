import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const EXAMPLE = join(import.meta.dirname, '../../../examples/churn');
const PART_1 = join(EXAMPLE, 'data/train/churn-1.csv');
const PART_2 = join(EXAMPLE, 'arrivals/churn-2.csv');
const part1 = readFileSync(PART_1, 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'churn-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A new folder with these files, written in this order. */
function folderOf(files: Record<string, string | Uint8Array>): string {
  const folder = mkdtempSync(join(scratch, 'data-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

function run(...args: string[]) {
  const program = join(EXAMPLE, 'training/train.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Trains on a folder or file, and returns the path of the model that must have come out of it. */
function train(data: string, trees = 10): string {
  const out = mkdtempSync(join(scratch, 'out-'));
  expect(run('--data', data, '--out', out, '--trees', String(trees))).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(readdirSync(out)).toEqual(['model.onnx']);
  return join(out, 'model.onnx');
}

function bytesFrom(files: Record<string, string | Uint8Array>): Buffer {
  return readFileSync(train(folderOf(files)));
}

describe('the bytes of the model', () => {
  it('do not depend on the order in which files were created', () => {
    const part2 = readFileSync(PART_2);
    expect(
      bytesFrom({ 'b.csv': part2, 'a.csv': part1 }).equals(bytesFrom({ 'a.csv': part1, 'b.csv': part2 })),
    ).toBe(true);
  });

  it('do not depend on a byte order mark, CRLF, quotes or the order of the columns', () => {
    const windows = `\u{feff}${part1.replaceAll('\n', '\r\n').replaceAll('area_code_415', '"area_code_415"')}`;
    const reversed = part1.replaceAll(/.+/g, (line) => line.split(',').toReversed().join(','));
    const plain = bytesFrom({ 'a.csv': part1 });
    expect(bytesFrom({ 'a.csv': windows }).equals(plain)).toBe(true);
    expect(bytesFrom({ 'a.csv': reversed }).equals(plain)).toBe(true);
  });

  it('depend on the data and on the parameters', () => {
    const plain = readFileSync(train(PART_1));
    expect(readFileSync(train(PART_1, 11)).equals(plain)).toBe(false);
    expect(bytesFrom({ 'a.csv': part1.replace(',no\n', ',yes\n') }).equals(plain)).toBe(false);
  });
});

describe('input that cannot be used', () => {
  const lines = part1.split('\n').slice(0, 6);
  const header = lines[0] ?? '';
  const withLine3 = (change: (line: string) => string): string =>
    lines.with(2, change(lines[2] ?? '')).join('\n'); // OH,107,area_code_415,no,yes,26,161.6,...,1,no

  it.each<[string, string | Uint8Array, string]>([
    [
      'a missing column',
      lines.map((line) => line.replace(/,[^,]+/, '')).join('\n'),
      `1:${header.length - 14}: found a header without account_length, expected every column of training/columns.ts`,
    ],
    [
      'a column too many',
      `${header.replace('area_code', 'zip')}\n`,
      '1:22: found column "zip", expected only the columns of training/columns.ts',
    ],
    [
      'a column twice',
      `${header},state\n`,
      `1:${header.length + 2}: found column "state" twice, expected it once`,
    ],
    [
      'an unknown label',
      withLine3((line) => line.replace(/no$/, 'maybe')),
      '3:93: found "maybe", expected no or yes for churn',
    ],
    [
      'text where a number belongs',
      withLine3((line) => line.replace('161.6', 'n/a')),
      '3:32: found "n/a", expected a number for total_day_minutes',
    ],
    [
      'a number that float32 does not hold',
      withLine3((line) => line.replace('161.6', '1e39')),
      '3:32: found "1e39", expected a number for total_day_minutes',
    ],
    [
      'an empty number',
      withLine3((line) => line.replace('161.6', '')),
      '3:32: found an empty value, expected a number for total_day_minutes',
    ],
    [
      'an empty text',
      withLine3((line) => line.replace('OH', '')),
      '3:1: found an empty value, expected text for state',
    ],
    [
      'a row cut short',
      withLine3((line) => line.split(',').slice(0, 7).join(',')),
      '3:37: found a row of length 7, expected 20 values as in the header',
    ],
    [
      'a row too long',
      withLine3((line) => `${line},x`),
      '3:96: found a row of length 21, expected 20 values as in the header',
    ],
    ['no rows', `${header}\n`, '2:1: found no rows, expected at least one'],
    ['an empty file', '', '1:1: found an empty file, expected a header and rows'],
    [
      'a quote that stays open',
      withLine3((line) => `"${line}`),
      '3:1: found a quote that is never closed, expected a closing quote',
    ],
    [
      'bytes that are no text',
      Uint8Array.of(0xff, 0xfe, 0x00),
      '1:1: found bytes that are not UTF-8, expected UTF-8 text',
    ],
  ])('%s exits 1 and says where', (_, content, message) => {
    const data = folderOf({ 'a.csv': part1, 'b.csv': content });
    const out = join(data, 'out');
    const { status, stderr } = run('--data', data, '--out', out, '--trees', '1');
    expect(stderr).toBe(`${join(data, 'b.csv')}:${message}\n`);
    expect(status).toBe(1);
    expect(existsSync(out)).toBe(false);
  });

  it('exits 1 for a folder without CSV files and for a path that is not there', () => {
    const data = folderOf({ 'notes.txt': 'no table' });
    const out = join(data, 'out');
    const empty = `${data}: found no .csv file, expected at least one\n`;
    expect(run('--data', data, '--out', out, '--trees', '1')).toEqual({
      status: 1,
      stdout: '',
      stderr: empty,
    });
    const gone = `${out}: found nothing, expected a CSV file or a folder of them\n`;
    expect(run('--data', out, '--out', out, '--trees', '1')).toEqual({ status: 1, stdout: '', stderr: gone });
  });

  it('exits 1 when there is nothing to learn', () => {
    const out = join(scratch, 'nothing');
    const stay = folderOf({ 'a.csv': lines.slice(0, 4).join('\n') });
    expect(run('--data', stay, '--out', out, '--trees', '1')).toMatchObject({
      status: 1,
      stderr: `${stay}: found no row with yes, expected rows of both labels\n`,
    });
    const few = folderOf({ 'a.csv': `${lines.slice(0, 3).join('\n')}\n${lines[3]?.replace(/no$/, 'yes')}` });
    expect(run('--data', few, '--out', out, '--trees', '1')).toMatchObject({
      status: 1,
      stderr: `${few}: found 3 rows that no column tells apart, expected more rows\n`,
    });
  });
});

describe('the command line', () => {
  const usage = 'usage: node training/train.ts --data DIR_OR_FILE --out DIR --trees N';

  it.each([
    [['--data', 'x', '--out', 'y'], '--data, --out and --trees are needed'],
    [
      ['--data', 'x', '--out', 'y', '--trees', '0'],
      '--trees is "0", expected a whole number from 1 to 10000',
    ],
    [
      ['--data', 'x', '--out', 'y', '--trees', '1.5'],
      '--trees is "1.5", expected a whole number from 1 to 10000',
    ],
    [
      ['--data', 'x', '--out', 'y', '--trees', '9', '--rate', 'fast'],
      '--rate is "fast", expected a number from',
    ],
    [
      ['--data', 'x', '--out', 'y', '--trees', '9', '--depth', '13'],
      '--depth is "13", expected a whole number',
    ],
    [['--leaves', '3'], "Unknown option '--leaves'"],
    [['more'], "Unexpected argument 'more'"],
  ])('refuses %j with exit 2 and the usage', (args, message) => {
    const { status, stdout, stderr } = run(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(message);
    expect(stderr).toContain(usage);
    expect(stderr).not.toContain('    at ');
  });

  it('reads the files in the order of their names', () => {
    const data = folderOf({ 'b.csv': part1, 'C.csv': part1, 'a.csv': part1, 'notes.txt': 'no table' });
    const { stdout } = run('--data', data, '--out', join(data, 'out'), '--trees', '1');
    const read = stdout.split('\n').filter((line) => line.endsWith(' rows'));
    expect(read).toEqual(['C.csv', 'a.csv', 'b.csv'].map((name) => `${join(data, name)}: 2000 rows`));
  });

  it('tells what it read and how the loss falls', () => {
    const data = folderOf({});
    copyFileSync(PART_1, join(data, 'a.csv'));
    const { stdout } = run('--data', data, '--out', join(data, 'out'), '--trees', '25');
    expect(stdout.replaceAll(/0\.\d+/g, 'X').replaceAll(`${data}/`, '')).toMatch(
      /^a\.csv: 2000 rows\n20 trees: log loss X\n25 trees: log loss X\nout\/model\.onnx: \d+ bytes\n$/,
    );
  });
});
