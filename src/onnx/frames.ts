import { failure } from '../errors.ts';
import type { EdgeloopError } from '../errors.ts';
import { DATA_TYPES } from './tensor.ts';
import type { DataType, Tensor } from './tensor.ts';

/** What a frame means; parent to host: load, run, close; host to parent: loaded, answer, failed. */
export const FRAME_KINDS = ['load', 'loaded', 'run', 'answer', 'failed', 'close'] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

/** One message between a parent and a session host. */
export interface Frame {
  kind: FrameKind;
  /** Chosen by the parent; an answer carries the id of its request. Unsigned, 32 bits. */
  id: number;
  /** Whatever JSON the kind needs. */
  body: unknown;
  /** Passed as they are: the receiver's tensors are views into the frame that came in. */
  tensors: Tensor[];
}

/** A frame may not be larger than this: 1 GiB. */
export const MAX_FRAME_BYTES = 1 << 30;

/*
 * A frame, little-endian, all parts padded to 8 bytes so that every tensor starts where any typed array may:
 *   u32 magic, u32 kind, u32 id, u32 header length, u32 length of all tensors with padding, u32 zero
 *   header: JSON {"body": …, "tensors": [[name, data type, shape, bytes], …]}
 *   each tensor's bytes
 */
const MAGIC = 0x4d52_4645;
const PREFIX_BYTES = 24;
/** Tensors below this are cheaper to copy into one buffer than to write one by one. */
const COPY_LIMIT = 64 * 1024;

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/**
 * A frame as chunks to write one after the other. Large tensors are handed over without copying: their bytes must not
 * change until the frame was written. Throws `frame-too-large`.
 */
export function encodeFrame(frame: Frame, limit = MAX_FRAME_BYTES): Uint8Array[] {
  const { tensors } = frame;
  const specs = tensors.map(({ name, dataType, shape, data }) => [name, dataType, shape, data.byteLength]);
  const header = JSON.stringify({ body: frame.body, tensors: specs });
  const headerBytes = Buffer.byteLength(header);
  const dataStart = PREFIX_BYTES + padded(headerBytes);
  const dataBytes = tensors.reduce((sum, { data }) => sum + padded(data.byteLength), 0);
  if (dataStart + dataBytes > limit) throw tooLarge(dataStart + dataBytes, limit);
  const together = dataBytes <= COPY_LIMIT;
  const head = Buffer.alloc(together ? dataStart + dataBytes : dataStart);
  const prefix = [MAGIC, FRAME_KINDS.indexOf(frame.kind), frame.id, headerBytes, dataBytes, 0];
  for (const [index, value] of prefix.entries()) head.writeUInt32LE(value, index * 4);
  head.write(header, PREFIX_BYTES);
  if (!together) return [head, ...tensors.flatMap(({ data }) => [data, padding(data)])];
  let position = dataStart;
  for (const { data } of tensors) {
    head.set(data, position);
    position += padded(data.byteLength);
  }
  return [head];
}

const padding = (data: Uint8Array): Uint8Array => new Uint8Array(padded(data.byteLength) - data.byteLength);

/** Turns the bytes of a connection, however they are cut into chunks, into frames. */
export interface FrameDecoder {
  /** The frames that this chunk completes. Throws `frame-too-large` or `frame-damaged`; the connection is then lost. */
  push(chunk: Uint8Array): Frame[];
}

/** A decoder that refuses frames above `limit` bytes before it allocates anything for them. */
export function frameDecoder(limit = MAX_FRAME_BYTES): FrameDecoder {
  const prefix = new Uint8Array(PREFIX_BYTES);
  let filled = 0;
  let frame: Uint8Array | undefined;
  const take = (target: Uint8Array, chunk: Uint8Array): Uint8Array => {
    const part = chunk.subarray(0, target.byteLength - filled);
    target.set(part, filled);
    filled += part.byteLength;
    return chunk.subarray(part.byteLength);
  };
  const start = (): Uint8Array => {
    const bytes = new Uint8Array(frameLength(prefix, limit));
    bytes.set(prefix);
    return bytes;
  };
  return {
    push(chunk) {
      const frames: Frame[] = [];
      let rest = chunk;
      while (rest.byteLength > 0) {
        rest = take(frame ?? prefix, rest);
        if (frame === undefined && filled === PREFIX_BYTES) frame = start();
        if (frame !== undefined && filled === frame.byteLength) {
          frames.push(parseFrame(frame));
          frame = undefined;
          filled = 0;
        }
      }
      return frames;
    },
  };
}

function frameLength(prefix: Uint8Array, limit: number): number {
  const view = new DataView(prefix.buffer);
  if (view.getUint32(0, true) !== MAGIC) throw damaged('it does not start as a frame does');
  const length = PREFIX_BYTES + padded(view.getUint32(12, true)) + view.getUint32(16, true);
  if (length > limit) throw tooLarge(length, limit);
  return length;
}

function parseFrame(frame: Uint8Array): Frame {
  const view = new DataView(frame.buffer);
  const kind = FRAME_KINDS[view.getUint32(4, true)];
  if (kind === undefined) throw damaged('its kind is unknown');
  const headerBytes = view.getUint32(12, true);
  const header = parseHeader(frame.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes));
  let position = PREFIX_BYTES + padded(headerBytes);
  const tensors = header.tensors.map((spec) => {
    const { bytes, ...tensor } = tensorSpec(spec);
    const data = frame.subarray(position, position + bytes);
    position += padded(bytes);
    return { ...tensor, data };
  });
  if (position !== frame.byteLength) throw damaged('its tensors are not as long as it says');
  return { kind, id: view.getUint32(8, true), body: header.body, tensors };
}

function parseHeader(bytes: Uint8Array): { body: unknown; tensors: unknown[] } {
  const header = parseJson(bytes);
  if (typeof header !== 'object' || header === null) throw damaged('its header is not an object');
  const tensors = 'tensors' in header ? header.tensors : undefined;
  if (!Array.isArray(tensors)) throw damaged('its header names no tensors');
  return { body: 'body' in header ? header.body : undefined, tensors };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    throw damaged('its header is not JSON', error);
  }
}

const dataTypes: ReadonlySet<unknown> = new Set(DATA_TYPES);
const isDataType = (value: unknown): value is DataType => dataTypes.has(value);
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function tensorSpec(spec: unknown): Omit<Tensor, 'data'> & { bytes: number } {
  const [name, dataType, shape, bytes]: unknown[] = Array.isArray(spec) ? spec : [];
  if (typeof name === 'string' && isDataType(dataType) && Array.isArray(shape) && isSize(bytes)) {
    if (shape.every(isSize)) return { name, dataType, shape, bytes };
  }
  throw damaged('its header describes a tensor wrongly');
}

function damaged(what: string, cause?: unknown): EdgeloopError {
  return failure('frame-damaged', `damaged frame: ${what}`, 'Start the session again.', { cause });
}

function tooLarge(bytes: number, limit: number): EdgeloopError {
  return failure(
    'frame-too-large',
    `a message of ${bytes} bytes is over the limit of ${limit}`,
    'Send fewer rows at once.',
  );
}
