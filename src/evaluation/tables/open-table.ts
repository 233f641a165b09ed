import { extname } from 'node:path';
import { misuse } from '../../errors.ts';
import type { TableReader } from './columns.ts';
import { openCsv } from './csv.ts';
import { openJsonLines } from './json-lines.ts';
import { openNpz } from './npz.ts';
import { openParquet } from './parquet.ts';

/** What can be read, by the ending of its name in lower case. */
const READERS: Readonly<Record<string, (file: string) => Promise<TableReader>>> = {
  '.csv': openCsv,
  '.jsonl': openJsonLines,
  '.ndjson': openJsonLines,
  '.npz': openNpz,
  '.parquet': openParquet,
};

/** True for a file that `openTable` reads, by its name. */
export function isTable(file: string): boolean {
  return readerOf(file) !== undefined;
}

/** Opens a table by its name's ending. Throws `table-format`, and what the format's reader throws. */
export async function openTable(file: string): Promise<TableReader> {
  const open = readerOf(file);
  if (open !== undefined) return open(file);
  throw misuse(
    'table-format',
    `${file} is not a table that can be read here; CSV (.csv), JSON Lines (.jsonl, .ndjson), Parquet (.parquet) and NPZ (.npz) files can.`,
    'Write it in one of these formats, or name a command of yours as evaluate.predict: it may read anything, and writes predictions.',
  );
}

function readerOf(file: string): ((file: string) => Promise<TableReader>) | undefined {
  const ending = extname(file).toLowerCase();
  return Object.hasOwn(READERS, ending) ? READERS[ending] : undefined;
}
