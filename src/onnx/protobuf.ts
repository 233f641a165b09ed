import type { FileHandle } from 'node:fs/promises';

/** What is wrong with a protobuf file, and at which byte. */
export class DamagedProtobuf extends Error {
  readonly offset: number;

  constructor(offset: number, what: string) {
    super(what);
    this.offset = offset;
  }
}

/** One field of a message. */
export interface Field {
  number: number;
  wireType: number;
  /** Where the field begins in the file. */
  offset: number;
  /** A varint as a signed 64-bit integer, exact while it is a safe one; else 0. */
  value: number;
  /** Where the content begins and ends. */
  start: number;
  end: number;
}

/** Looks at one field; `true` (or a promise of it) leaves the rest of its message unread. */
export type Visit = (field: Field) => Promise<unknown> | boolean | void;

/** Reads a protobuf file of any size through one small buffer: what nobody asks for is skipped, not read. */
export interface ProtobufReader {
  /** Visits the fields of the file's own message. */
  root(visit: Visit): Promise<void>;
  /** Visits the fields of a nested message. */
  message(field: Field, visit: Visit): Promise<void>;
  /** A string field. */
  text(field: Field): Promise<string>;
  /** The integers of a repeated field, packed or one by one. */
  integers(field: Field): Promise<number[]>;
  /** A varint field. */
  integer(field: Field): number;
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
/** Lengths of the fixed wire types, 64 and 32 bits. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [5, 4],
]);

const BUFFER_BYTES = 32 * 1024;
/** A field's key and a length or a value: ten bytes each at most. */
const HEAD_BYTES = 20;
const MAX_DEPTH = 100;
/** Names, labels and metadata; more of them is no model but an attack or damage. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * A reader of the wire format (protobuf.dev/programming-guides/encoding). All its functions throw DamagedProtobuf for
 * bytes that cannot be what they should.
 */
export function protobufReader(file: FileHandle, bytes: number): ProtobufReader {
  const window = fileWindow(file, bytes);
  let depth = 0;
  let kept = 0;
  const keep = async (field: Field): Promise<Buffer> => {
    kept += field.end - field.start;
    if (kept > MAX_KEPT_BYTES)
      throw new DamagedProtobuf(field.offset, 'more than 16 MiB of names and metadata');
    return window.read(field.start, field.end);
  };
  return {
    root: (visit) => visitFields(window, 0, bytes, visit),
    async message(field, visit) {
      expect(field, LENGTH_DELIMITED);
      if (depth === MAX_DEPTH)
        throw new DamagedProtobuf(field.offset, `nested deeper than ${MAX_DEPTH} messages`);
      depth++;
      await visitFields(window, field.start, field.end, visit);
      depth--;
    },
    async text(field) {
      expect(field, LENGTH_DELIMITED);
      return decodeText(await keep(field), field);
    },
    async integers(field) {
      if (field.wireType === VARINT) return [field.value];
      expect(field, LENGTH_DELIMITED);
      return packedIntegers(await keep(field), field);
    },
    integer(field) {
      expect(field, VARINT);
      return field.value;
    },
  };
}

function expect(field: Field, wireType: number): void {
  if (field.wireType === wireType) return;
  throw new DamagedProtobuf(field.offset, `field ${field.number} has wire type ${field.wireType}`);
}

async function visitFields(window: FileWindow, start: number, end: number, visit: Visit): Promise<void> {
  let position = start;
  while (position < end) {
    if (!window.holds(position, HEAD_BYTES)) await window.load(position);
    const field = readField(window, position, end);
    const outcome = visit(field);
    // Waiting for every field, also for those that were only skipped, would be most of the work.
    if ((outcome instanceof Promise ? await outcome : outcome) === true) return;
    position = field.end;
  }
}

function readField({ byteAt }: FileWindow, offset: number, end: number): Field {
  const key = readVarint(byteAt, offset, end);
  const number = Math.floor(key.value / 8);
  const wireType = key.value % 8;
  if (number < 1) throw new DamagedProtobuf(offset, 'no field begins here');
  if (wireType === VARINT) {
    const { value, next } = readVarint(byteAt, key.next, end);
    return { number, wireType, offset, value, start: key.next, end: next };
  }
  const length =
    wireType === LENGTH_DELIMITED
      ? readVarint(byteAt, key.next, end)
      : { value: FIXED.get(wireType), next: key.next };
  if (length.value === undefined) throw new DamagedProtobuf(offset, `wire type ${wireType} does not exist`);
  const contentEnd = length.next + length.value;
  if (length.value < 0 || contentEnd > end) {
    throw new DamagedProtobuf(
      offset,
      `field ${number} is ${length.value} bytes long, ${end - length.next} are left`,
    );
  }
  return { number, wireType, offset, value: 0, start: length.next, end: contentEnd };
}

function readVarint(
  byteAt: (offset: number) => number,
  offset: number,
  end: number,
): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 7; index++) {
    if (offset + index >= end) throw new DamagedProtobuf(offset, 'cut short');
    const byte = byteAt(offset + index);
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: offset + index + 1 };
  }
  return readLongVarint(byteAt, offset, end, BigInt(value));
}

/** The rest of a varint of eight to ten bytes: every negative number, and those from 2^49. */
function readLongVarint(
  byteAt: (offset: number) => number,
  offset: number,
  end: number,
  low: bigint,
): { value: number; next: number } {
  let value = low;
  for (let index = 7; index < 10; index++) {
    if (offset + index >= end) throw new DamagedProtobuf(offset, 'cut short');
    const byte = byteAt(offset + index);
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: Number(BigInt.asIntN(64, value)), next: offset + index + 1 };
  }
  throw new DamagedProtobuf(offset, 'a number longer than ten bytes');
}

function packedIntegers(content: Buffer, field: Field): number[] {
  const byteAt = (offset: number): number => content[offset - field.start] ?? 0;
  const integers: number[] = [];
  for (let position = field.start; position < field.end;) {
    const { value, next } = readVarint(byteAt, position, field.end);
    integers.push(value);
    position = next;
  }
  return integers;
}

function decodeText(content: Buffer, field: Field): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new DamagedProtobuf(field.offset, `field ${field.number} is not UTF-8 text`);
  }
}

/** The part of a file that lies in memory. */
interface FileWindow {
  /** Whether these bytes, as far as the file goes, are in memory. */
  holds(offset: number, count: number): boolean;
  /** Moves the window so that it begins here. */
  load(offset: number): Promise<void>;
  /** A byte that the window holds. */
  byteAt(offset: number): number;
  /** These bytes, through the window when they fit into it. */
  read(start: number, end: number): Promise<Buffer>;
}

function fileWindow(file: FileHandle, bytes: number): FileWindow {
  const buffer = Buffer.alloc(BUFFER_BYTES);
  let from = 0;
  let to = 0;
  const holds = (offset: number, count: number): boolean =>
    offset >= from && Math.min(offset + count, bytes) <= to;
  const load = async (offset: number): Promise<void> => {
    const length = Math.min(BUFFER_BYTES, bytes - offset);
    await readFully(file, buffer, offset, length);
    from = offset;
    to = offset + length;
  };
  return {
    holds,
    load,
    byteAt: (offset) => buffer[offset - from] ?? 0,
    async read(start, end) {
      const length = end - start;
      if (length > BUFFER_BYTES) {
        const content = Buffer.alloc(length);
        await readFully(file, content, start, length);
        return content;
      }
      if (!holds(start, length)) await load(start);
      return buffer.subarray(start - from, end - from);
    },
  };
}

async function readFully(file: FileHandle, into: Buffer, offset: number, length: number): Promise<void> {
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(into, done, length - done, offset + done);
    if (bytesRead === 0)
      throw new DamagedProtobuf(offset + done, 'the file became shorter while it was read');
    done += bytesRead;
  }
}
