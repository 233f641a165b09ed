import { type EdgeloopError, refusal } from '../../errors.ts';

/** Most files and folders of one model: neither empty files nor deep paths must fill a disk's inodes. */
const PATH_LIMIT = 10_000;

/** Counts a path, and the folders above it that are new; `layer-unsafe` for one too many. */
export type PathCount = (path: string, kind: 'file' | 'folder', where: string) => void;

/** Counts what is made in one folder. */
export function pathCount(): PathCount {
  const folders = new Set<string>();
  let count = 0;
  return (path, kind, where) => {
    count += 1;
    let end = path.lastIndexOf('/');
    for (; end > 0 && !folders.has(path.slice(0, end)); end = path.lastIndexOf('/', end - 1)) {
      folders.add(path.slice(0, end));
      count += 1;
      if (count > PATH_LIMIT) break;
    }
    if (kind === 'folder') folders.add(path);
    if (count > PATH_LIMIT) throw unsafe(where, path, `there are more than ${PATH_LIMIT} files and folders`);
  };
}

/** A path as it is used below a folder; a refusal (`layer-unsafe`) of one that would leave it. */
export function safePath(name: string, where: string): string {
  if (name.startsWith('/')) throw unsafe(where, name, 'its path is absolute');
  if (name.includes('\0') || name.includes('\\'))
    throw unsafe(where, name, 'its path holds a forbidden character');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(where, name, 'its path leads upwards');
  return parts.join('/');
}

/** The refusal of an entry that would do something else than put a file below its target. */
export function unsafe(where: string, path: string, reason: string): EdgeloopError {
  return refusal(
    'layer-unsafe',
    `${where} holds ${JSON.stringify(path)}, which is not unpacked: ${reason}`,
    'Do not use this image; ask whoever made it, and pack the model with "edgeloop push".',
  );
}
