import { type Dirent, readdirSync } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { failure, isSystemError } from '../errors.ts';
import type { DatasetFile } from './manifest.ts';
import { readDvcFile } from './pointers.ts';

/** The names of files that do not belong to the dataset, as `.gitignore` writes them; read at the dataset's root. */
export const IGNORE_FILE = '.edgeloopignore';
const DVC_SUFFIX = '.dvc';
/** What tools keep for themselves is nobody's data. */
const NEVER = new Set(['.git', '.edgeloop', '.dvc', IGNORE_FILE]);

/** What lies below one path. */
export interface Listing {
  /** True for a file, and for a folder that DVC recorded as a whole. */
  single: boolean;
  /** To be read: the path in the manifest, and where the file is. */
  files: { path: string; file: string }[];
  /** Recorded by DVC: the record counts, whether the data are there or not. */
  recorded: DatasetFile[];
}

/**
 * Lists a file, or all regular files below a folder. Throws `dataset-missing`, `dataset-unreadable`,
 * `dataset-name-invalid` or, for symbolic links and special files, `dataset-not-a-file`.
 */
export async function listFiles(root: string): Promise<Listing> {
  const record = await readRecord(`${root}${DVC_SUFFIX}`, basename(root));
  if (record !== undefined) return { single: true, files: [], recorded: [record] };
  const found = await lstat(root).catch((error: unknown) => {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw unreadable(root, error);
    throw failure(
      'dataset-missing',
      `there is no ${root}`,
      'Correct the path in edgeloop.yaml, or put the data there.',
    );
  });
  if (found.isFile()) return { single: true, files: [{ path: basename(root), file: root }], recorded: [] };
  if (!found.isDirectory()) throw notAFile(root);
  const listing: Listing = { single: false, files: [], recorded: [] };
  await addFolder(listing, root, '', await ignoredIn(root));
  return listing;
}

async function addFolder(
  listing: Listing,
  root: string,
  prefix: string,
  ignored: Ignore | undefined,
): Promise<void> {
  const folder = join(root, prefix);
  const children = childrenOf(folder);
  const recorded = new Set<string>();
  for (const child of children) {
    if (!child.isFile() || !child.name.endsWith(DVC_SUFFIX) || NEVER.has(child.name)) continue;
    if (ignored?.ignores(`${prefix}${child.name}`) === true) continue;
    const record = await readRecord(join(folder, child.name), child.name.slice(0, -DVC_SUFFIX.length));
    if (record === undefined) continue;
    listing.recorded.push({ ...record, path: `${prefix}${record.path}` });
    recorded.add(child.name).add(record.path);
  }
  for (const child of children) {
    const { name } = child;
    const path = `${prefix}${name}`;
    if (NEVER.has(name) || recorded.has(name)) continue;
    if (ignored?.ignores(child.isDirectory() ? `${path}/` : path) === true) continue;
    if (name.includes('\uFFFD')) throw nameInvalid(join(folder, name));
    if (child.isDirectory()) await addFolder(listing, root, `${path}/`, ignored);
    else if (child.isFile()) listing.files.push({ path, file: `${root}/${path}` });
    else throw notAFile(join(root, path));
  }
}

/** At once: waiting for each of many folders takes longer than reading them. */
function childrenOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable(folder, error);
  }
}

async function readRecord(file: string, name: string): Promise<DatasetFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
    throw unreadable(file, error);
  }
  const record = readDvcFile(file, text);
  if (record.path === name) return record;
  throw failure(
    'dvc-file-invalid',
    `${file} records "${record.path}", not ${name} beside it`,
    `Name ${join(dirname(file), record.path)} as the data, or add the data again with \`dvc add\`.`,
  );
}

async function ignoredIn(root: string): Promise<Ignore | undefined> {
  try {
    return ignore().add(await readFile(join(root, IGNORE_FILE), 'utf8'));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw unreadable(join(root, IGNORE_FILE), error);
  }
}

/** The failure for a file or folder that cannot be read. */
export function unreadable(path: string, cause: unknown): Error {
  return failure('dataset-unreadable', `${path} cannot be read`, 'Check its permissions.', { cause });
}

/** The failure for what a manifest cannot name: following a link would make the name depend on what lies elsewhere. */
export function notAFile(path: string): Error {
  return failure(
    'dataset-not-a-file',
    `${path} is a symbolic link or a special file, which a manifest cannot name`,
    'Replace it by the file itself.',
  );
}

function nameInvalid(path: string): Error {
  return failure(
    'dataset-name-invalid',
    `the name of ${path} is not UTF-8, so a manifest cannot hold it`,
    'Rename the file.',
  );
}
