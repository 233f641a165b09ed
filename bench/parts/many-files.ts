import { createCipheriv, hash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from './benchmark.ts';

/** How many files, and how large each one is in bytes. */
export interface Amount {
  files: number;
  size: number;
}

const FOLDERS = 100;

const perFolder = (files: number): number => Math.ceil(files / FOLDERS);
/** Over how many folders so many files are spread. */
export const foldersOf = (files: number): number => Math.ceil(files / perFolder(files));

/** SHA-256 of each file by its path, in the order of the paths. */
export type Hashes = ReadonlyMap<string, string>;

/** Bytes that look random and are the same for the same seed: the key stream of AES in counter mode. */
function pseudoRandom(seed: number): (size: number) => Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return (size) => cipher.update(Buffer.alloc(size));
}

/** Writes the files below an empty folder, spread evenly over its folders. */
export async function writeManyFiles(run: Run, root: string, { files, size }: Amount): Promise<Hashes> {
  const next = pseudoRandom(0);
  const hashes = new Map<string, string>();
  const each = perFolder(files);
  for (let first = 0; first < files; first += each) {
    run.signal.throwIfAborted();
    const folder = String(first / each).padStart(3, '0');
    await mkdir(join(root, folder), { recursive: true });
    const numbers = Array.from({ length: Math.min(each, files - first) }, (_, index) => first + index);
    await Promise.all(
      numbers.map((number) => {
        const path = `${folder}/${String(number).padStart(8, '0')}.bin`;
        const content = next(size);
        hashes.set(path, hash('sha256', content));
        return writeFile(join(root, path), content);
      }),
    );
  }
  return hashes;
}

/** Gives one of the files other content of the same size, below each of the roots. */
export async function changeFile(
  roots: readonly string[],
  hashes: Hashes,
  { number, size }: { number: number; size: number },
): Promise<Hashes> {
  const path = [...hashes.keys()][number % hashes.size] ?? '';
  const content = pseudoRandom(1 + number)(size);
  for (const root of roots) await writeFile(join(root, path), content);
  return new Map(hashes).set(path, hash('sha256', content));
}

/**
 * The dataset digest that docs/input-key.md gives the files: worked out here from what was written, so that a plan
 * that repeats a digest which is no longer true cannot agree with it.
 */
export function digestOf(hashes: Hashes, size: number): string {
  const lines = [...hashes].map(([path, sha256]) => `${JSON.stringify({ path, sha256, size })}\n`);
  return `sha256:${hash('sha256', lines.join(''))}`;
}
