import type { DataType } from '../../onnx/index.ts';

/** What an .npy file says of itself. */
export interface NpyHeader {
  /** numpy's name of the type: `<f4`, `|b1`, `<U7`; for records the text of their list. */
  descr: string;
  fortranOrder: boolean;
  shape: number[];
}

/** How the elements of an .npy file are stored. */
export type NpyType = {
  /** Of one element. */
  bytes: number;
  /** The size of the units whose bytes are reversed on the way to little-endian; 1 for none. */
  swap: 1 | 2 | 4 | 8;
} & ({ kind: 'number'; dataType: Exclude<DataType, 'BYTES'> } | { kind: 'unicode' | 'bytes' });

const MAGIC = '\u0093NUMPY';
/** The bytes up to and with the header's length, in every version. */
export const NPY_START = 12;
/** numpy itself takes no header longer than 10,000 bytes for what it is. */
const LONGEST_HEADER = 65_536;

const NUMBERS: Readonly<Record<string, Exclude<DataType, 'BYTES'>>> = {
  b1: 'BOOL',
  u1: 'UINT8',
  u2: 'UINT16',
  u4: 'UINT32',
  u8: 'UINT64',
  i1: 'INT8',
  i2: 'INT16',
  i4: 'INT32',
  i8: 'INT64',
  f2: 'FP16',
  f4: 'FP32',
  f8: 'FP64',
};

/**
 * Where the header's text lies, from the first 12 bytes (numpy.lib.format: versions 1.0, 2.0 and 3.0). `undefined` for
 * what is no .npy file of these versions.
 */
export function npyHeaderRange(start: Buffer): { from: number; to: number } | undefined {
  const version = start[6];
  if (start.length < NPY_START || start.toString('latin1', 0, 6) !== MAGIC) return undefined;
  if (version !== 1 && version !== 2 && version !== 3) return undefined;
  const [from, length] = version === 1 ? [10, start.readUInt16LE(8)] : [12, start.readUInt32LE(8)];
  return length > LONGEST_HEADER ? undefined : { from, to: from + length };
}

/** Reads the header's text, a Python dictionary; `undefined` when it is not one of numpy's. */
export function parseNpyHeader(text: string): NpyHeader | undefined {
  const descr = /'descr':\s*(?:'([^']*)'|(\[.*\]))/.exec(text);
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descr === null || order === undefined || sizes === undefined) return undefined;
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  if (!shape.every(Number.isSafeInteger)) return undefined;
  return { descr: descr[1] ?? descr[2] ?? '', fortranOrder: order === 'True', shape };
}

/** The type of a `descr`; `undefined` for objects, records, times and complex numbers. */
export function npyType(descr: string): NpyType | undefined {
  const [, order, kind = '', size = ''] = /^([<>|=])([a-zA-Z])(\d+)$/.exec(descr) ?? [];
  const reversed = order === '>';
  const dataType = Object.hasOwn(NUMBERS, kind + size) ? NUMBERS[kind + size] : undefined;
  const bytes = Number(size);
  if (dataType !== undefined) return { kind: 'number', dataType, bytes, swap: reversed ? unitOf(bytes) : 1 };
  if (kind === 'U') return { kind: 'unicode', bytes: 4 * bytes, swap: reversed ? 4 : 1 };
  return kind === 'S' ? { kind: 'bytes', bytes, swap: 1 } : undefined;
}

function unitOf(bytes: number): NpyType['swap'] {
  return bytes === 2 || bytes === 4 || bytes === 8 ? bytes : 1;
}
