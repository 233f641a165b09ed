import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { failure, isSystemError } from '../errors.ts';
import { type DatasetFile, manifestBytes, manifestDigest } from './manifest.ts';

/** A dataset as it is named: by the digest of its manifest. */
export interface Dataset {
  digest: string;
  files: DatasetFile[];
  /** Sum of the files' sizes. */
  bytes: number;
  manifest: Uint8Array;
}

/**
 * Reads a file or a folder (all regular files below it) and names it by its manifest. A single file is listed by its
 * base name. Throws `dataset-missing`, `dataset-empty`, `dataset-unreadable` or, for symbolic links and other special
 * files, `dataset-not-a-file`; the signal's reason when it is cancelled.
 */
export async function describeDataset(
  path: string,
  options: { signal?: AbortSignal } = {},
): Promise<Dataset> {
  const entries = await listFiles(path);
  if (entries.length === 0) {
    throw failure(
      'dataset-empty',
      `${path} holds no file`,
      'Put the data there, or correct the path in edgeloop.yaml.',
    );
  }
  const files: DatasetFile[] = [];
  for (const entry of entries)
    files.push({ path: entry.name, ...(await hashFile(entry.file, options.signal)) });
  const manifest = manifestBytes(files);
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return { digest: manifestDigest(manifest), files, bytes, manifest };
}

interface Entry {
  /** Path in the manifest. */
  name: string;
  file: string;
}

async function listFiles(root: string): Promise<Entry[]> {
  const stat = await lstat(root).catch((error: unknown) => {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw unreadable(root, error);
    throw failure(
      'dataset-missing',
      `there is no ${root}`,
      'Correct the path in edgeloop.yaml, or put the data there.',
    );
  });
  if (stat.isFile()) return [{ name: basename(root), file: root }];
  if (!stat.isDirectory()) throw special(root);
  return listFolder(root, '');
}

async function listFolder(root: string, prefix: string): Promise<Entry[]> {
  const folder = join(root, prefix);
  const children = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  const lists = await Promise.all(
    children.map(async (child): Promise<Entry[]> => {
      const name = prefix === '' ? child.name : `${prefix}/${child.name}`;
      if (child.isDirectory()) return listFolder(root, name);
      if (!child.isFile()) throw special(join(root, name));
      return [{ name, file: join(root, name) }];
    }),
  );
  return lists.flat();
}

async function hashFile(
  file: string,
  signal: AbortSignal | undefined,
): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of createReadStream(file)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(file, error);
  }
  return { sha256: hash.digest('hex'), size };
}

function unreadable(path: string, cause: unknown): Error {
  return failure('dataset-unreadable', `${path} cannot be read`, 'Check its permissions.', { cause });
}

function special(path: string): Error {
  return failure(
    'dataset-not-a-file',
    `${path} is a symbolic link or a special file, which a manifest cannot name`,
    'Replace it by the file itself.',
  );
}
