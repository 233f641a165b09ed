import type { Entry, ZipFile } from 'yauzl';
import { failure } from '../../errors.ts';
import { elementCount } from '../../onnx/index.ts';
import {
  type ArrayColumn,
  type Batch,
  notATable,
  placeOfRow,
  quoted,
  repeated,
  type TableReader,
} from './columns.ts';
import { lockstep } from './lockstep.ts';
import { NPY_START, npyHeaderRange, type NpyHeader, npyType, type NpyType, parseNpyHeader } from './npy.ts';
import { npyTexts, toLittleEndian } from './npy-values.ts';
import { entriesOf, openZip, readEntry, syntax, type Take, withZip } from './npz-entries.ts';

/** One array of the file. */
interface Stored {
  name: string;
  entry: Entry;
  type: NpyType;
  /** Before its elements. */
  headerBytes: number;
  rows: number;
  /** Of one row. */
  shape: number[];
}

/**
 * Opens an NPZ file (numpy.savez, numpy.savez_compressed) of arrays with the same first dimension N: [N] and [N,1] are
 * columns, numbers as String(value); more values per row are array columns. All are streamed side by side. Throws
 * `table-unreadable`, `npz-syntax` for bytes that are not NPZ, `npz-empty`, `npz-no-rows`, `npz-duplicate-column`,
 * `npz-compression`, and `table-shape` for arrays that are no column: pickled objects (which are never read), records,
 * Fortran order, another N.
 */
export async function openNpz(file: string): Promise<TableReader> {
  const stored = await withZip(file, async (zip) => {
    const entries = await entriesOf(file, zip);
    const arrays: Stored[] = [];
    for (const entry of entries) {
      for await (const array of readEntry(file, zip, entry, (take) => readHeader(file, entry, take))) {
        arrays.push(array);
        // Only the header is wanted here.
        break;
      }
    }
    return arrays;
  });
  checkTogether(file, stored);
  return {
    file,
    head: file,
    columns: stored.filter(isColumn).map(({ name }) => name),
    arrays: stored.flatMap((array) => arrayColumn(array) ?? []),
    batches: (rowsPerBatch, names = []) => {
      const wanted = stored.filter((array) => isColumn(array) || names.includes(array.name));
      return readBatches(file, wanted, { rows: stored[0]?.rows ?? 0, rowsPerBatch });
    },
  };
}

async function* readHeader(file: string, entry: Entry, take: Take): AsyncGenerator<Stored> {
  const name = entry.fileName.slice(0, -'.npy'.length);
  const start = await take(Math.min(NPY_START, entry.uncompressedSize));
  const range = npyHeaderRange(start);
  const notNpy = (): Error =>
    syntax(file, `${quoted(entry.fileName)} is not an array of the npy format 1.0 to 3.0`);
  if (range === undefined) throw notNpy();
  const rest = await take(Math.max(0, range.to - start.length));
  const header = parseNpyHeader(Buffer.concat([start, rest]).toString('latin1', range.from, range.to));
  if (header === undefined) throw notNpy();
  const type = typeOf(file, name, header);
  const [rows = 0, ...shape] = header.shape;
  const array = { name, entry, type, headerBytes: range.to, rows, shape };
  const expected = array.headerBytes + rows * rowBytes(array);
  if (entry.uncompressedSize !== expected) {
    const what = `${entry.uncompressedSize} bytes where its shape [${header.shape.join(',')}] needs ${expected}`;
    throw syntax(file, `${quoted(entry.fileName)} has ${what}`);
  }
  yield array;
}

/** Refuses what is no column. */
function typeOf(file: string, name: string, { descr, fortranOrder, shape }: NpyHeader): NpyType {
  const refused = (what: string, remedy: string): Error =>
    notATable(file, `the array ${quoted(name)} ${what}`, remedy);
  const type = npyType(descr);
  if (/O/.test(descr) && type === undefined)
    throw refused(
      'holds pickled Python objects, which are never read',
      `Write it as numbers or text: ${name}.astype(str).`,
    );
  if (type === undefined)
    throw refused(
      `is of the type ${quoted(descr)}, which is neither a number nor text`,
      'Write it as numbers or text (astype).',
    );
  const [rows, ...sizes] = shape;
  if (rows === undefined || elementCount(sizes) === 0)
    throw refused(
      `has the shape [${shape.join(',')}], without a value for each row`,
      'Write one value or more for each row, rows first.',
    );
  if (fortranOrder && sizes.length > 0)
    throw refused('is in Fortran order, column by column', 'Write numpy.ascontiguousarray of it.');
  if (type.kind !== 'number' && elementCount(sizes) > 1)
    throw refused('holds several texts per row', 'Write an array for each of them.');
  return type;
}

function checkTogether(file: string, stored: readonly Stored[]): void {
  const [first] = stored;
  const twice = repeated(stored.map(({ name }) => name));
  const other = stored.find(({ rows }) => rows !== first?.rows);
  if (first === undefined)
    throw failure(
      'npz-empty',
      `${file}: the file holds no array.`,
      'Write an array for each column, rows first.',
    );
  if (twice !== undefined) {
    throw failure(
      'npz-duplicate-column',
      `${file}: the file holds two arrays of the name ${quoted(twice)}.`,
      'Give every array a name of its own.',
    );
  }
  if (other !== undefined) {
    throw notATable(
      file,
      `the array ${quoted(first.name)} has ${first.rows} rows and ${quoted(other.name)} has ${other.rows}`,
      'Write only arrays with a row for each row of the table, in the same order.',
    );
  }
  if (first.rows > 0) return;
  throw failure(
    'npz-no-rows',
    `${file}: the arrays have no rows where at least one was expected.`,
    'Add rows to the arrays, or name another file.',
  );
}

function isColumn(array: Stored): boolean {
  return arrayColumn(array) === undefined;
}

/** `undefined` for an array that is a column of texts. */
function arrayColumn({ name, type, shape }: Stored): ArrayColumn | undefined {
  return type.kind === 'number' && elementCount(shape) > 1
    ? { name, dataType: type.dataType, shape }
    : undefined;
}

function rowBytes({ type, shape }: Pick<Stored, 'type' | 'shape'>): number {
  return type.bytes * elementCount(shape);
}

async function* readBatches(
  file: string,
  stored: readonly Stored[],
  { rows, rowsPerBatch }: { rows: number; rowsPerBatch: number },
): AsyncGenerator<Batch> {
  const zip = await openZip(file);
  const sources = lockstep(stored.map((array) => slicesOf(file, zip, array, rowsPerBatch)));
  try {
    for (let first = 0; first < rows; first += rowsPerBatch) {
      const { value: slices } = await sources.next();
      yield batchOf(file, stored, slices ?? [], { first, rows: Math.min(rowsPerBatch, rows - first) });
    }
    // Behind the last row the checksums are compared.
    await sources.next();
  } finally {
    await sources.return(undefined);
    zip.close();
  }
}

async function* slicesOf(
  file: string,
  zip: ZipFile,
  array: Stored,
  rowsPerBatch: number,
): AsyncGenerator<Buffer> {
  yield* readEntry(file, zip, array.entry, async function* (take) {
    await take(array.headerBytes);
    for (let row = 0; row < array.rows; row += rowsPerBatch) {
      const slice = await take(Math.min(rowsPerBatch, array.rows - row) * rowBytes(array));
      toLittleEndian(slice, array.type);
      yield slice;
    }
  });
}

function batchOf(
  file: string,
  stored: readonly Stored[],
  slices: readonly (Buffer | undefined)[],
  { first, rows }: { first: number; rows: number },
): Batch {
  const read = (name: string): { array: Stored; slice: Buffer } => {
    const index = stored.findIndex((array) => array.name === name);
    const [array, slice] = [stored[index], slices[index]];
    if (array === undefined || slice === undefined)
      throw new Error(`The array ${quoted(name)} was not read.`);
    return { array, slice };
  };
  return {
    rows,
    column: (name) => {
      const { array, slice } = read(name);
      return npyTexts(slice, rows, array.type);
    },
    array: (name) => read(name).slice,
    place: (row, name) => placeOfRow(file, first + row, name),
  };
}
