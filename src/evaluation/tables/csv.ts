import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { failure } from '../../errors.ts';
import { type Batch, quoted, type TableReader, unreadable } from './columns.ts';

/** One record: its cells, its text as it stands in the file, and the line on which it begins. */
interface Row {
  cells: string[];
  raw: string;
  line: number;
}

/** What csv-parse hands out with `raw`; its iterator is typed as any. */
interface Parsed {
  record: string[];
  raw: string;
}

const CSV_REMEDY =
  'Write the file as UTF-8 CSV (RFC 4180): comma, one header line, quotes doubled inside quotes.';

/**
 * Opens a CSV file (RFC 4180, UTF-8, a byte order mark is tolerated, blank lines are skipped); its first line names the
 * columns. Throws `table-unreadable`, `csv-empty`, `csv-duplicate-column`; reading the batches throws `csv-syntax`,
 * `csv-row-short`, `csv-row-long` and `csv-no-rows`. Each names FILE:LINE:COLUMN (a syntax error FILE:LINE and the cell).
 */
export async function openCsv(file: string): Promise<TableReader> {
  const header = await firstRow(file);
  for (const [index, name] of header.cells.entries()) {
    if (header.cells.indexOf(name) === index) continue;
    throw failure(
      'csv-duplicate-column',
      `${placeOf(file, header, index)}: the header names the column ${quoted(name)} twice.`,
      'Give every column a name of its own.',
    );
  }
  return {
    file,
    head: `${file}:1:1`,
    columns: header.cells,
    batches: (rows) => readBatches(file, header.cells, rows),
  };
}

async function firstRow(file: string): Promise<Row> {
  for await (const row of readRows(file)) return row;
  throw failure(
    'csv-empty',
    `${file}:1:1: the file is empty where a header line with the column names was expected.`,
    'Write the column names into the first line, then one line for each row.',
  );
}

async function* readBatches(
  file: string,
  columns: readonly string[],
  rowsPerBatch: number,
): AsyncGenerator<Batch> {
  let rows: Row[] = [];
  let found = false;
  let header: Row | undefined;
  for await (const row of readRows(file)) {
    if (header === undefined) {
      header = row;
      continue;
    }
    checkWidth(file, columns, row);
    found = true;
    rows.push(row);
    if (rows.length < rowsPerBatch) continue;
    yield batchOf(file, columns, rows);
    rows = [];
  }
  if (rows.length > 0) yield batchOf(file, columns, rows);
  if (found) return;
  throw failure(
    'csv-no-rows',
    `${file}:2:1: the file ends after its header line where at least one row was expected.`,
    'Add rows to the file, or name another file.',
  );
}

async function* readRows(file: string): AsyncGenerator<Row> {
  const parser = parse({
    bom: true,
    raw: true,
    relax_column_count: true,
    // Named, because what csv-parse would discover on the first line breaks files with mixed line ends.
    record_delimiter: ['\r\n', '\n'],
  });
  // The callback's error is not lost: pipeline destroys the parser with it, and the iteration below throws it.
  pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), parser, () => undefined);
  let line = 1;
  try {
    for await (const parsed of parser) {
      const { record: cells, raw }: Parsed = parsed;
      const begins = line;
      line += linesIn(raw);
      if (cells.length > 1 || cells[0] !== '') yield { cells, raw, line: begins };
    }
  } catch (error) {
    throw readFailure(file, error);
  }
}

/** csv-parse leaves one character of the line end on the raw text. */
function linesIn(raw: string): number {
  let count = 1;
  for (let at = raw.indexOf('\n'); at >= 0 && at < raw.length - 1; at = raw.indexOf('\n', at + 1)) count++;
  return count;
}

function checkWidth(file: string, columns: readonly string[], row: Row): void {
  const found = row.cells.length;
  if (found === columns.length) return;
  const short = found < columns.length;
  const what = short
    ? `the row ends after ${found} of ${columns.length} columns: ${quoted(columns[found] ?? '')} is missing`
    : `the row has ${found} cells where ${columns.length} columns were expected`;
  throw failure(
    short ? 'csv-row-short' : 'csv-row-long',
    `${placeOf(file, row, short ? found : columns.length)}: ${what}.`,
    short
      ? 'Complete or remove the row; a file that was cut off in transfer has to be fetched again.'
      : 'Remove the extra cells, or put quotes around a text that contains a comma.',
  );
}

function batchOf(file: string, columns: readonly string[], rows: readonly Row[]): Batch {
  const indexOf = (name: string): number => columns.indexOf(name);
  return {
    rows: rows.length,
    column: (name) => {
      const index = indexOf(name);
      return rows.map((row) => row.cells[index] ?? '');
    },
    place: (row, name) => {
      const found = rows[row];
      return found === undefined ? file : placeOf(file, found, indexOf(name));
    },
  };
}

/** `FILE:LINE:COLUMN` of a cell, or of the end of the row when it has no such cell. */
function placeOf(file: string, row: Row, cell: number): string {
  let line = row.line;
  let column = 1;
  let inQuotes = false;
  let cells = 0;
  for (const character of row.raw.replace(/[\r\n]$/, '')) {
    if (cells === cell) break;
    if (character === '"') inQuotes = !inQuotes;
    if (character === ',' && !inQuotes) cells++;
    column++;
    if (character === '\n') {
      line++;
      column = 1;
    }
  }
  return `${file}:${line}:${column}`;
}

function readFailure(file: string, error: unknown): unknown {
  if (error instanceof CsvError) {
    const line = 'lines' in error ? Number(error.lines) : 1;
    const cell = 'column' in error ? ` in cell ${Number(error.column) + 1} of the row` : '';
    const what = `${file}:${line}: not valid CSV${cell}: ${error.message}`;
    return failure('csv-syntax', what, CSV_REMEDY, { cause: error });
  }
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return unreadable(file, error);
}
