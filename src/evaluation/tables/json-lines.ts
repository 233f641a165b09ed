import { createReadStream } from 'node:fs';
import { type EdgeloopError, failure, messageOf } from '../../errors.ts';
import { type Batch, notATable, quoted, repeated, type TableReader, unreadable } from './columns.ts';

interface Line {
  text: string;
  /** Counted from 1. */
  number: number;
}

/** One line's values by column, in the order of `Columns.parsed`. */
interface Row extends Line {
  cells: string[];
}

interface Columns {
  /** As the first line has them. */
  written: readonly string[];
  /** As JSON.parse hands them out: names that are whole numbers come first. */
  parsed: readonly string[];
}

/** One value of the object on a line, with its text and where that begins, counted from 0. */
interface Member {
  name: string;
  text: string;
  at: number;
}

/** A line is held whole: a file of one long line, which is not JSON Lines, must not fill the memory. */
const LONGEST_LINE = 16 * 1024 * 1024;
const SYNTAX_REMEDY =
  'Write one JSON object on each line, UTF-8, null for a missing value and never NaN (pandas: to_json with orient="records", lines=True).';

/**
 * Opens a JSON Lines file (https://jsonlines.org: one JSON object per line, UTF-8; a byte order mark and blank lines are
 * tolerated). The first line names the columns; where a later line lacks one, or has null, the text is ''. Throws
 * `table-unreadable`, `jsonl-empty`, `jsonl-duplicate-column`, `jsonl-syntax`; and `table-shape` for a value that is an
 * object or an array and for a name that the first line does not have. Each names FILE:LINE:COLUMN or FILE:LINE.
 */
export async function openJsonLines(file: string): Promise<TableReader> {
  const first = await firstLine(file);
  const parsed = Object.keys(parseLine(file, first));
  const members = membersOf(first.text);
  const written = members.map(({ name }) => name);
  const twice = repeated(written);
  if (twice !== undefined) {
    throw failure(
      'jsonl-duplicate-column',
      `${placeOf(
        file,
        first,
        members.findLast(({ name }) => name === twice),
      )}: the line names ${quoted(twice)} twice.`,
      'Give every value of a line a name of its own.',
    );
  }
  return {
    file,
    head: `${file}:1:1`,
    columns: written,
    batches: (rows) => readBatches(file, { written, parsed }, rows),
  };
}

async function firstLine(file: string): Promise<Line> {
  for await (const line of readLines(file)) return line;
  throw failure(
    'jsonl-empty',
    `${file}:1:1: the file is empty where at least one row was expected.`,
    'Add rows to the file, one JSON object on each line, or name another file.',
  );
}

async function* readBatches(file: string, columns: Columns, rowsPerBatch: number): AsyncGenerator<Batch> {
  let rows: Row[] = [];
  for await (const line of readLines(file)) {
    rows.push({ ...line, cells: cellsOf(file, columns, line) });
    if (rows.length < rowsPerBatch) continue;
    yield batchOf(file, columns, rows);
    rows = [];
  }
  if (rows.length > 0) yield batchOf(file, columns, rows);
}

/** The lines that are not blank. */
async function* readLines(file: string): AsyncGenerator<Line> {
  let number = 0;
  let rest = '';
  try {
    for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 256 * 1024 })) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) {
        number++;
        if (text.trim() !== '') yield { text: withoutMark(text, number), number };
      }
      if (rest.length > LONGEST_LINE) throw tooLong(file, number + 1);
    }
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw unreadable(file, error);
  }
  if (rest.trim() !== '') yield { text: withoutMark(rest, number + 1), number: number + 1 };
}

function withoutMark(text: string, number: number): string {
  return number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function parseLine(file: string, line: Line): object {
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch (error) {
    throw failure(
      'jsonl-syntax',
      `${file}:${line.number}: not valid JSON: ${messageOf(error)}.`,
      SYNTAX_REMEDY,
      {
        cause: error,
      },
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  const found = Array.isArray(value) ? 'an array' : quoted(line.text.trim());
  throw failure(
    'jsonl-syntax',
    `${file}:${line.number}: found ${found} where a JSON object was expected.`,
    SYNTAX_REMEDY,
  );
}

function cellsOf(file: string, columns: Columns, line: Line): string[] {
  const object = parseLine(file, line);
  const names = Object.keys(object);
  const values: unknown[] = Object.values(object);
  if (names.length === columns.parsed.length && names.every((name, at) => name === columns.parsed[at]))
    return values.map((value, at) => textOf(file, line, names[at] ?? '', value));
  const unknown = names.find((name) => !columns.parsed.includes(name));
  if (unknown !== undefined) {
    throw notATable(
      placeOf(file, line, memberNamed(line, unknown)),
      `found a value named ${quoted(unknown)}, which the first line does not have`,
      'Name every column on the first line, with null where it has no value there.',
    );
  }
  const byName = new Map(names.map((name, at) => [name, values[at]]));
  return columns.parsed.map((name) => textOf(file, line, name, byName.get(name)));
}

function textOf(file: string, line: Line, name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object')
    return Number.isInteger(value) ? integerText(line, name, Number(value)) : String(value);
  throw notATable(
    placeOf(file, line, memberNamed(line, name)),
    `${quoted(name)} holds ${Array.isArray(value) ? 'an array' : 'an object'} where one text or number was expected`,
    'Write a column for each value; write tensors as NPZ (numpy.savez) instead.',
  );
}

/** The digits as they are written, where a double does not hold them all. */
function integerText(line: Line, name: string, value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  const written = memberNamed(line, name)?.text ?? '';
  return /^-?\d+$/.test(written) ? written : String(value);
}

function batchOf(file: string, columns: Columns, rows: readonly Row[]): Batch {
  return {
    rows: rows.length,
    column: (name) => {
      const index = columns.parsed.indexOf(name);
      return rows.map((row) => row.cells[index] ?? '');
    },
    place: (row, name) => {
      const found = rows[row];
      return found === undefined ? file : placeOf(file, found, memberNamed(found, name));
    },
  };
}

/** `FILE:LINE:COLUMN` of a value; of the line when it has no such value. */
function placeOf(file: string, line: Line, member: Member | undefined): string {
  const before = line.text.slice(0, member?.at ?? 0);
  return `${file}:${line.number}:${Array.from(before).length + 1}`;
}

function memberNamed(line: Line, name: string): Member | undefined {
  return membersOf(line.text).findLast((member) => member.name === name);
}

/** What the object on a line holds, in the order in which it is written. The line must be valid. */
function membersOf(text: string): Member[] {
  const members: Member[] = [];
  let depth = 0;
  let name: string | undefined;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]+|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g)) {
    const closes = token === '}' || token === ']';
    if (closes) depth--;
    if (depth === 1 && !closes && token !== ':' && token !== ',') {
      if (name === undefined) {
        name = String(JSON.parse(token));
      } else {
        members.push({ name, text: token, at: index });
      }
    }
    if (depth === 1 && token === ',') name = undefined;
    if (token === '{' || token === '[') depth++;
  }
  return members;
}

function tooLong(file: string, number: number): EdgeloopError {
  return failure(
    'jsonl-syntax',
    `${file}:${number}: the line has more than ${LONGEST_LINE} characters where one JSON object was expected.`,
    SYNTAX_REMEDY,
  );
}
