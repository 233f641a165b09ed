import { type EdgeloopError, failure } from '../../errors.ts';
import type { DataType } from '../../onnx/index.ts';

/** A column with several values per row, as NPZ files have them. */
export interface ArrayColumn {
  name: string;
  dataType: Exclude<DataType, 'BYTES'>;
  /** Of one row: without the dimension that counts the rows. */
  shape: readonly number[];
}

/** Consecutive rows of a table, each column as texts. */
export interface Batch {
  /** Number of rows, at least 1. */
  rows: number;
  /** The texts of one column, one per row; the name must be one of the table's columns. */
  column(name: string): readonly string[];
  /** The values of one of the arrays that were asked for, row-major, little-endian; present when the table has arrays. */
  array?(name: string): Uint8Array;
  /**
   * Where a cell lies, for a message: `FILE:LINE:COLUMN` in a text format, both counted from 1, the column in characters;
   * else what `placeOfRow` says.
   */
  place(row: number, name: string): string;
}

/** A table that is read column by column in batches of bounded size, as often as wanted. */
export interface TableReader {
  /** For messages. */
  file: string;
  /** Where the columns are named, for a message: `FILE:1:1` in a text format, else the file. */
  head: string;
  columns: readonly string[];
  /** Columns with several values per row; their names are not among `columns`. */
  arrays?: readonly ArrayColumn[];
  /**
   * All rows in order; every batch but the last has exactly `rowsPerBatch`. Array columns are large, so only those named
   * in `arrays` are read. Throws the reader's own coded failures.
   */
  batches(rowsPerBatch: number, arrays?: readonly string[]): AsyncIterable<Batch>;
}

/** Where a cell of a format without lines lies; `row` counts from 0 over the whole file. */
export function placeOfRow(file: string, row: number, name: string): string {
  return `${file}: row ${row + 1} (counted from 1), column ${quoted(name)}`;
}

/** A file of the right format that holds something else than a table: code `table-shape`. */
export function notATable(place: string, what: string, remedy: string): EdgeloopError {
  return failure('table-shape', `${place}: ${what}.`, remedy);
}

/** A file that the system does not let us read: code `table-unreadable`. */
export function unreadable(file: string, cause: unknown): EdgeloopError {
  return failure('table-unreadable', `${file} can't be read`, 'Check the path and its permissions.', {
    cause,
  });
}

/** The first name that occurs a second time. */
export function repeated(names: readonly string[]): string | undefined {
  return new Set(names).size === names.length
    ? undefined
    : names.find((name, index) => names.indexOf(name) !== index);
}

/** A value from a file as it is put into a message: in quotes, on one line, never long. */
export function quoted(value: string): string {
  const limit = 60;
  return JSON.stringify(value.length > limit ? `${value.slice(0, limit)}…` : value);
}

const ROWS_AT_ONCE = 1000;
const ARRAY_VALUES_AT_ONCE = 1_000_000;

/** How many rows to read at once: fewer where they carry arrays, so that memory stays bounded. */
export function rowsAtOnce(arrays: readonly ArrayColumn[] = []): number {
  const values = arrays.reduce((sum, { shape }) => sum + shape.reduce((all, size) => all * size, 1), 0);
  return Math.max(1, Math.min(ROWS_AT_ONCE, Math.floor(ARRAY_VALUES_AT_ONCE / Math.max(1, values))));
}
