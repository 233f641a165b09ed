import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CLASSES, FEATURES, LABEL } from './columns.ts';
import { type CsvRecord, type CsvValue, InputError, badInput, csvRecords, quote } from './csv.ts';

/** One column of the training data. Numbers are float32, as the model will get them. */
export type Column =
  | { name: string; kind: 'number'; values: number[] }
  | { name: string; kind: 'text'; values: string[] };

/** The training data by columns: the features in the order of the model's inputs, and a class per row. */
export interface Table {
  /** The file or folder that it was read from, for messages. */
  source: string;
  columns: Column[];
  /** Places in `CLASSES`, 0 or 1. */
  labels: number[];
}

/**
 * Reads a CSV file, or all of a folder. Throws an `InputError` at the first value that cannot be used; `onFile` hears
 * how many rows each file had.
 */
export function readTable(source: string, onFile: (file: string, rows: number) => void): Table {
  const columns: Column[] = FEATURES.map(({ name, kind }) => ({ name, kind, values: [] }));
  const table: Table = { source, columns, labels: [] };
  for (const file of csvFiles(source)) onFile(file, appendFile(table, file));
  return table;
}

function csvFiles(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined)
    throw new InputError(`${path}: found nothing, expected a CSV file or a folder of them`);
  if (!found.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith('.csv'));
  if (names.length === 0) throw new InputError(`${path}: found no .csv file, expected at least one`);
  // By code unit, which is the same order on every machine.
  return names.toSorted().map((name) => join(path, name));
}

/** Appends a file's rows to the table and returns how many there were. */
function appendFile(table: Table, file: string): number {
  const records = csvRecords(decode(readFileSync(file), file), file);
  const header = records.next();
  if (header.done) throw badInput(file, { line: 1, column: 1 }, 'an empty file', 'a header and rows');
  const places = columnPlaces(header.value, file);

  const before = table.labels.length;
  for (const record of records) {
    checkLength(record, places.size, file);
    for (const column of table.columns) appendValue(column, valueOf(record, places, column.name), file);
    table.labels.push(classOf(valueOf(record, places, LABEL), file));
  }
  const rows = table.labels.length - before;
  if (rows === 0)
    throw badInput(file, { line: header.value.end.line + 1, column: 1 }, 'no rows', 'at least one');
  return rows;
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // leaves out a byte order mark
  } catch (cause) {
    throw new InputError(`${file}:1:1: found bytes that are not UTF-8, expected UTF-8 text`, { cause });
  }
}

/** Where each column stands in this file's rows. */
function columnPlaces(header: CsvRecord, file: string): Map<string, number> {
  const expected = [...FEATURES.map(({ name }) => name), LABEL];
  const places = new Map<string, number>();
  for (const [place, value] of header.values.entries()) {
    if (places.has(value.text)) throw badInput(file, value, `column ${quote(value.text)} twice`, 'it once');
    if (!expected.includes(value.text)) {
      throw badInput(file, value, `column ${quote(value.text)}`, 'only the columns of training/columns.ts');
    }
    places.set(value.text, place);
  }
  const missing = expected.filter((name) => !places.has(name));
  if (missing.length > 0) {
    const found = `a header without ${missing.join(', ')}`;
    throw badInput(file, header.end, found, 'every column of training/columns.ts');
  }
  return places;
}

function checkLength(record: CsvRecord, expected: number, file: string): void {
  const { values, end } = record;
  if (values.length === expected) return;
  throw badInput(
    file,
    values[expected] ?? end,
    `a row of length ${values.length}`,
    `${expected} values as in the header`,
  );
}

function valueOf(record: CsvRecord, places: Map<string, number>, name: string): CsvValue {
  const value = record.values[places.get(name) ?? -1];
  if (value === undefined) throw new Error(`no value for ${name}`); // the header and the length were checked
  return value;
}

function appendValue(column: Column, value: CsvValue, file: string): void {
  if (value.text.trim() === '') {
    const expected = column.kind === 'number' ? 'a number' : 'text';
    throw badInput(file, value, 'an empty value', `${expected} for ${column.name}`);
  }
  if (column.kind === 'text') column.values.push(value.text);
  else column.values.push(numberOf(column.name, value, file));
}

function numberOf(name: string, value: CsvValue, file: string): number {
  const number = Math.fround(Number(value.text));
  // Number() alone would also take "0x10", "Infinity" and blanks.
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value.text) || !Number.isFinite(number)) {
    throw badInput(file, value, quote(value.text), `a number for ${name}`);
  }
  return number;
}

function classOf(value: CsvValue, file: string): number {
  const place = CLASSES.indexOf(value.text);
  if (place === -1) throw badInput(file, value, quote(value.text), `${CLASSES.join(' or ')} for ${LABEL}`);
  return place;
}
