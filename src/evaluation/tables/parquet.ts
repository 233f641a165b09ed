import { type FileHandle, open } from 'node:fs/promises';
import {
  type ColumnMetaData,
  type FileMetaData,
  parquetMetadataAsync,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { failure, messageOf } from '../../errors.ts';
import {
  type Batch,
  notATable,
  placeOfRow,
  quoted,
  repeated,
  type TableReader,
  unreadable,
} from './columns.ts';
import { lockstep } from './lockstep.ts';
import { bytesAt, pagesOf, PARQUET_CODECS } from './parquet-pages.ts';
import { parquetType, type ParquetType } from './parquet-types.ts';

/** A flat column, with what it takes to decode it. */
interface Column {
  name: string;
  schema: readonly [SchemaTree, SchemaTree];
  type: ParquetType;
  /** By row group. */
  chunks: ColumnMetaData[];
}

const MAGIC = 'PAR1';
const DAMAGED = 'Write or fetch the file again; one that was cut off in transfer has lost its end.';

/**
 * Opens a Parquet file (https://parquet.apache.org/docs/file-format/) of flat columns; a missing value is ''. Throws
 * `table-unreadable`, `parquet-syntax` for bytes that are not Parquet, `parquet-empty`, `parquet-no-rows`,
 * `parquet-duplicate-column`, `parquet-compression`, and `table-shape` for nested columns.
 */
export async function openParquet(file: string): Promise<TableReader> {
  const columns = await withFile(file, async (handle) => {
    const { size } = await handle.stat();
    await checkEnds(file, handle, size);
    const slice = async (start: number, end = size): Promise<ArrayBuffer> =>
      (await bytesAt(handle, start, end - start)).buffer;
    return columnsOf(file, await parquetMetadataAsync({ byteLength: size, slice }));
  });
  return {
    file,
    head: file,
    columns: columns.map(({ name }) => name),
    batches: (rows) => readBatches(file, columns, rows),
  };
}

async function withFile<Value>(file: string, read: (handle: FileHandle) => Promise<Value>): Promise<Value> {
  try {
    await using handle = await open(file);
    return await read(handle);
  } catch (error) {
    throw readFailure(file, error);
  }
}

async function checkEnds(file: string, handle: FileHandle, size: number): Promise<void> {
  const textAt = async (at: number): Promise<string> =>
    Buffer.from((await bytesAt(handle, at, Math.min(MAGIC.length, size))).buffer).toString('latin1');
  const [first, last] = [await textAt(0), await textAt(Math.max(0, size - MAGIC.length))];
  if (first === MAGIC && last === MAGIC && size > 2 * MAGIC.length) return;
  throw failure(
    'parquet-syntax',
    first === MAGIC
      ? `${file}: the Parquet file is cut off: it ends with ${quoted(last)} where ${quoted(MAGIC)} was expected.`
      : `${file}: not a Parquet file: it begins with ${quoted(first)} where ${quoted(MAGIC)} was expected.`,
    DAMAGED,
  );
}

function columnsOf(file: string, metadata: FileMetaData): Column[] {
  const root = parquetSchema(metadata);
  const names = root.children.map(({ element }) => element.name);
  checkNames(file, names);
  if (metadata.num_rows === 0n) {
    throw failure(
      'parquet-no-rows',
      `${file}: the file has ${names.length} columns and no row where at least one was expected.`,
      'Add rows to the file, or name another file.',
    );
  }
  return root.children.map((child) => {
    const { name } = child.element;
    const chunks = metadata.row_groups.map(
      (group) => group.columns.find(({ meta_data: chunk }) => chunk?.path_in_schema[0] === name)?.meta_data,
    );
    return {
      name,
      schema: [root, child],
      type: typeOf(file, child),
      chunks: checkedChunks(file, name, chunks),
    };
  });
}

function checkNames(file: string, names: readonly string[]): void {
  const twice = repeated(names);
  if (names.length > 0 && twice === undefined) return;
  throw twice === undefined
    ? failure('parquet-empty', `${file}: the file has no columns.`, 'Write the rows with their columns.')
    : failure(
        'parquet-duplicate-column',
        `${file}: the file has two columns of the name ${quoted(twice)}.`,
        'Give every column a name of its own.',
      );
}

function typeOf(file: string, { children, element }: SchemaTree): ParquetType {
  const nested = children.length > 0 || element.repetition_type === 'REPEATED';
  const type = nested ? undefined : parquetType(element);
  if (type !== undefined) return type;
  const found = element.logical_type?.type ?? element.converted_type ?? element.type ?? 'STRUCT';
  throw notATable(
    file,
    `the column ${quoted(element.name)} holds ${nested ? 'nested values' : 'values without a text'} (${found}) where one text or number per row was expected`,
    'Write a column for each value; write tensors as NPZ (numpy.savez) instead.',
  );
}

function checkedChunks(
  file: string,
  name: string,
  chunks: readonly (ColumnMetaData | undefined)[],
): ColumnMetaData[] {
  return chunks.map((chunk) => {
    if (chunk === undefined) throw new Error(`a row group lacks the column ${quoted(name)}`);
    if (PARQUET_CODECS.has(chunk.codec)) return chunk;
    throw failure(
      'parquet-compression',
      `${file}: the column ${quoted(name)} is compressed with ${chunk.codec}, which can't be read here.`,
      'Write the file with snappy, gzip, brotli, zstd or no compression.',
    );
  });
}

async function* readBatches(
  file: string,
  columns: readonly Column[],
  rowsPerBatch: number,
): AsyncGenerator<Batch> {
  let first = 0;
  try {
    await using handle = await open(file);
    for await (const slices of lockstep(columns.map((column) => slicesOf(handle, column, rowsPerBatch)))) {
      const rows = slices[0]?.length ?? 0;
      if (slices.some((slice) => slice?.length !== rows))
        throw new Error('its columns differ in their number of rows');
      yield batchOf(file, columns, slices, first);
      first += rows;
    }
  } catch (error) {
    throw readFailure(file, error);
  }
}

async function* slicesOf(handle: FileHandle, column: Column, rows: number): AsyncGenerator<unknown[]> {
  let slice: unknown[] = [];
  for (const chunk of column.chunks) {
    for await (const page of pagesOf(handle, chunk, column.schema, column.type)) {
      for (const value of page) {
        slice.push(value);
        if (slice.length < rows) continue;
        yield slice;
        slice = [];
      }
    }
  }
  if (slice.length > 0) yield slice;
}

function batchOf(
  file: string,
  columns: readonly Column[],
  slices: readonly (readonly unknown[] | undefined)[],
  first: number,
): Batch {
  return {
    rows: slices[0]?.length ?? 0,
    column: (name) => {
      const index = columns.findIndex((column) => column.name === name);
      const [column, slice] = [columns[index], slices[index]];
      if (column === undefined || slice === undefined)
        throw new Error(`The column ${quoted(name)} was not read.`);
      return slice.map((value) => column.type.text(value));
    },
    place: (row, name) => placeOfRow(file, first + row, name),
  };
}

/** Whatever hyparquet stumbles over lies in the bytes; an error that is told already stays as it is. */
function readFailure(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || 'remedy' in error) return error;
  if ('syscall' in error) return unreadable(file, error);
  const what = messageOf(error).replace(/^parquet /, '');
  return failure('parquet-syntax', `${file}: not a valid Parquet file: ${what}.`, DAMAGED, { cause: error });
}
