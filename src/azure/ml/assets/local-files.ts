import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { failure } from '../../../errors.ts';

/** A file that is to be uploaded. */
export interface LocalFile {
  /** Below what is uploaded, with `/`. */
  path: string;
  /** Where it lies. */
  file: string;
  size: number;
  /** Kept with the blob, which must have it. */
  md5?: Buffer;
}

/**
 * All files below a folder, in an order that does not depend on the disk, or the one file. Throws `upload-empty`, and
 * `upload-not-a-file` for a link, which may lead to what nobody meant to send, and for what has no end, as a pipe.
 */
export async function filesToSend(root: string): Promise<LocalFile[]> {
  const found = await lstat(root);
  if (found.isFile()) return [{ path: basename(root), file: root, size: found.size }];
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files: LocalFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile()) throw notAFile(file);
    const { size } = await lstat(file);
    files.push({ path: relative(root, file).replaceAll(sep, '/'), file, size });
  }
  if (files.length === 0)
    throw failure(
      'upload-empty',
      `there is no file in ${root}`,
      'Correct "code" or "data" in edgeloop.yaml.',
    );
  return files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

function notAFile(path: string): Error {
  return failure(
    'upload-not-a-file',
    `${path} is a symbolic link or a special file, which is not uploaded`,
    'Replace it by the file itself.',
  );
}

/** The same files, each with its MD5, by which one that is there already is known. */
export async function withMd5(files: readonly LocalFile[]): Promise<LocalFile[]> {
  const known: LocalFile[] = [];
  for (const one of files) {
    const hash = createHash('md5');
    await pipeline(createReadStream(one.file), hash);
    known.push({ ...one, md5: hash.digest() });
  }
  return known;
}
