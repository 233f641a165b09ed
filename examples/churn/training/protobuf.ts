// As much of the protobuf encoding (https://protobuf.dev/programming-guides/encoding/) as writing a model takes.

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A message: its fields one after the other. */
export function message(...fields: Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

/** A field that holds another message, or bytes. */
export function bytesField(id: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([key(id, LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

/** A field that holds text. */
export function textField(id: number, text: string): Uint8Array {
  return bytesField(id, Buffer.from(text));
}

/** A field that holds an integer from 0 to 2^53 - 1. */
export function intField(id: number, value: number): Uint8Array {
  return Buffer.concat([key(id, VARINT), varint(value)]);
}

/** A field that holds a float32. */
export function floatField(id: number, value: number): Uint8Array {
  return Buffer.concat([key(id, FIXED_32), float(value)]);
}

/** A repeated field of integers, packed. */
export function intsField(id: number, values: readonly number[]): Uint8Array {
  return bytesField(id, Buffer.concat(values.map(varint)));
}

/** A repeated field of float32 numbers, packed. */
export function floatsField(id: number, values: readonly number[]): Uint8Array {
  return bytesField(id, Buffer.concat(values.map(float)));
}

/** A repeated field of texts. */
export function textsField(id: number, values: readonly string[]): Uint8Array {
  return Buffer.concat(values.map((value) => textField(id, value)));
}

function key(id: number, wireType: number): Uint8Array {
  return varint(id * 8 + wireType);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.of(...bytes, rest);
}

function float(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
