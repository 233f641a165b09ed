import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { failure } from '../../errors.ts';

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
 * `upload-link` for a symbolic link that leads out of the folder: nobody meant to send what is there.
 */
export async function filesToSend(root: string): Promise<LocalFile[]> {
  if ((await lstat(root)).isFile())
    return [{ path: basename(root), file: root, size: (await stat(root)).size }];
  const real = await realpath(root);
  const entries = await readdir(real, { recursive: true, withFileTypes: true });
  const files: LocalFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) await requireInside(real, file);
    const { size } = await stat(file);
    files.push({ path: file.slice(real.length + 1).replaceAll(sep, '/'), file, size });
  }
  if (files.length === 0)
    throw failure(
      'upload-empty',
      `there is no file in ${root}`,
      'Correct "code" or "data" in edgeloop.yaml.',
    );
  return files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

async function requireInside(folder: string, link: string): Promise<void> {
  const target = await realpath(link).catch(() => undefined);
  const isFile = target !== undefined && (await stat(target)).isFile();
  if (isFile && target.startsWith(`${folder}${sep}`)) return;
  throw failure(
    'upload-link',
    `${link} is a symbolic link to ${target ?? 'nothing'}, which is no file in ${folder}`,
    'Put a copy of the file there instead.',
  );
}
