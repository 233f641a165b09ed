import { extname } from 'node:path';
import { misuse } from '../errors.ts';
import type { TableReader } from './columns.ts';
import { openCsv } from './csv.ts';

/** True for a file that `openTable` reads: by its name, `.csv`. */
export function isTable(file: string): boolean {
  return extname(file).toLowerCase() === '.csv';
}

/** Opens a table by its name's ending. Throws `table-format`, and what the format's reader throws. */
export async function openTable(file: string): Promise<TableReader> {
  if (isTable(file)) return openCsv(file);
  throw misuse(
    'table-format',
    `${file} is not a table that can be read here; a CSV file (.csv) can.`,
    'Write the file as CSV with a header line, and name it *.csv.',
  );
}
