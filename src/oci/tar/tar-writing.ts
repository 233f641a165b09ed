import { failure } from '../../errors.ts';

const BLOCK = 512;
const MAX_OCTAL_SIZE = 0o77777777777;

/** A regular file of a tar: `path` inside it ("/" between parts), and exactly `size` bytes each time it is opened. */
export interface TarFile {
  path: string;
  size: number;
  open(): AsyncIterable<Uint8Array>;
}

/**
 * Streams an uncompressed tar of files, sorted by path, each folder above them listed once before (POSIX ustar;
 * pax records only for what ustar cannot hold, POSIX.1-2017 pax, "ustar Interchange Format"). Everything that differs
 * between machines is fixed: mtime 0, uid and gid 0, mode 0644 and 0755; so equal files give equal bytes, always.
 */
export async function* writeTar(files: TarFile[]): AsyncGenerator<Uint8Array, void, undefined> {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const folder of foldersOf(sorted))
    yield header({ path: `${folder}/`, size: 0, mode: 0o755, type: '5' });
  for (const file of sorted) {
    yield header({ path: file.path, size: file.size, mode: 0o644, type: '0' });
    yield* exactly(file);
    yield new Uint8Array(padding(file.size));
  }
  yield new Uint8Array(2 * BLOCK);
}

async function* exactly(file: TarFile): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0;
  for await (const chunk of file.open()) {
    seen += chunk.byteLength;
    if (seen > file.size) break;
    yield chunk;
  }
  if (seen === file.size) return;
  throw failure(
    'file-changed',
    `${file.path} changed its length while it was packed`,
    'Let whatever writes there finish, and run it again.',
  );
}

function foldersOf(files: TarFile[]): string[] {
  const folders = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/');
    for (let length = 1; length < parts.length; length += 1) folders.add(parts.slice(0, length).join('/'));
  }
  return [...folders].toSorted();
}

interface Header {
  path: string;
  size: number;
  mode: number;
  type: '0' | '5' | 'x';
}

function header(entry: Header): Uint8Array {
  const place = splitPath(entry.path);
  const records: [string, string][] = [];
  if (place === undefined) records.push(['path', entry.path]);
  if (entry.size > MAX_OCTAL_SIZE) records.push(['size', `${entry.size}`]);
  const size = entry.size > MAX_OCTAL_SIZE ? 0 : entry.size;
  const block = ustarBlock(place ?? { prefix: '', name: 'pax' }, { ...entry, size });
  if (records.length === 0) return block;
  const pax = Buffer.from(records.map(([key, value]) => paxRecord(key, value)).join(''));
  const paxBlock = ustarBlock(
    { prefix: '', name: 'pax' },
    { path: '', size: pax.length, mode: 0o644, type: 'x' },
  );
  return Buffer.concat([paxBlock, pax, new Uint8Array(padding(pax.length)), block]);
}

/** The two fields that ustar has for a path, or `undefined` when it does not fit into them or is not plain ASCII. */
function splitPath(path: string): { prefix: string; name: string } | undefined {
  if (!/^[\x20-\x7e]+$/.test(path)) return undefined;
  if (path.length <= 100) return { prefix: '', name: path };
  const slash = path.indexOf('/', path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function ustarBlock(place: { prefix: string; name: string }, entry: Header): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  block.write(place.name, 0, 'latin1');
  block.write(octal(entry.mode, 7) + octal(0, 7) + octal(0, 7), 100, 'latin1');
  block.write(octal(entry.size, 11) + octal(0, 11), 124, 'latin1');
  // The checksum counts its own field as spaces.
  block.write(`        ${entry.type}`, 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(octal(0, 7) + octal(0, 7) + place.prefix, 329, 'latin1');
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

/** "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + `${rest}`.length;
  length = rest + `${length}`.length;
  return `${length} ${key}=${value}\n`;
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
