import type { DataType } from '../onnx/index.ts';

/** A column with several values per row, as NPZ files have them. */
export interface ArrayColumn {
  name: string;
  dataType: Exclude<DataType, 'BYTES'>;
  /** Of one row: without the dimension that counts the rows. */
  shape: readonly number[];
}

/** Consecutive rows of a table, each column as texts. */
export interface Batch {
  /** Line of the first row in the file, counted from 1. */
  firstLine: number;
  /** Number of rows, at least 1. */
  rows: number;
  /** The texts of one column, one per row; the name must be one of the table's columns. */
  column(name: string): readonly string[];
  /** The values of one array column for these rows, row-major, little-endian. */
  array?(name: string): Uint8Array;
  /** Where a cell lies, for a message: `FILE:LINE:COLUMN`, both counted from 1, the column in characters. */
  place(row: number, name: string): string;
}

/** A table that is read column by column in batches of bounded size, as often as wanted. */
export interface TableReader {
  /** For messages. */
  file: string;
  columns: readonly string[];
  /** Columns with several values per row; their names are not among `columns`. */
  arrays?: readonly ArrayColumn[];
  /** All rows in order; every batch but the last has exactly `rowsPerBatch`. Throws the reader's own coded failures. */
  batches(rowsPerBatch: number): AsyncIterable<Batch>;
}

/** A value from a file as it is put into a message: in quotes, on one line, never long. */
export function quoted(value: string): string {
  const limit = 60;
  return JSON.stringify(value.length > limit ? `${value.slice(0, limit)}…` : value);
}
