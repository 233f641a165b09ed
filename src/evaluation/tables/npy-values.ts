import { elements } from '../../onnx/index.ts';
import type { NpyType } from './npy.ts';

/** Reverses the bytes of big-endian units in place. */
export function toLittleEndian(bytes: Buffer, { swap }: NpyType): void {
  if (swap === 2) bytes.swap16();
  if (swap === 4) bytes.swap32();
  if (swap === 8) bytes.swap64();
}

/** The elements of little-endian `bytes` as texts: numbers as String(value), texts without the zeros that fill them up. */
export function npyTexts(bytes: Buffer, rows: number, type: NpyType): string[] {
  if (type.kind === 'number') {
    const values = elements({ name: '', dataType: type.dataType, shape: [rows], data: bytes });
    const texts: string[] = [];
    for (const value of values)
      texts.push(type.dataType === 'BOOL' ? String(Number(value) !== 0) : String(value));
    return texts;
  }
  const read = type.kind === 'unicode' ? unicodeText : bytesText;
  return Array.from({ length: rows }, (_, row) => read(bytes, row * type.bytes, (row + 1) * type.bytes));
}

/** UTF-32 (numpy's `U`). What is no character becomes U+FFFD, as in text that is not UTF-8. */
function unicodeText(bytes: Buffer, start: number, end: number): string {
  let last = end;
  while (last > start && bytes.readUInt32LE(last - 4) === 0) last -= 4;
  let text = '';
  for (let at = start; at < last; at += 4) {
    const code = bytes.readUInt32LE(at);
    text += String.fromCodePoint(code > 0x10_ff_ff ? 0xff_fd : code);
  }
  return text;
}

/** Bytes (numpy's `S`), taken for UTF-8. */
function bytesText(bytes: Buffer, start: number, end: number): string {
  let last = end;
  while (last > start && bytes[last - 1] === 0) last--;
  return bytes.toString('utf8', start, last);
}
