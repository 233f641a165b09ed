import { constants } from 'node:fs';
import { access, copyFile, cp, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failure } from '../errors.ts';
import { dvcMd5 } from './dvc-content.ts';
import { IGNORE_FILE, listFiles, type Listing } from './list-files.ts';
import type { Dataset } from './dataset.ts';

/**
 * Gives a training exactly the files that a dataset names: the path itself, or, when it is several paths or some of its
 * files are ignored, a copy in `folder`. Throws `dataset-absent` when only a reference to some content is here, and
 * `dataset-differs` when the content is not what was recorded.
 */
export async function provideFiles(
  roots: readonly string[],
  { absent }: Pick<Dataset, 'absent'>,
  folder: string,
  signal?: AbortSignal,
): Promise<string> {
  if (absent.length > 0) throw pointersOnly(absent);
  const [only] = roots;
  const listings = new Map<string, Listing>();
  for (const root of roots) {
    const listing = await listFiles(root);
    await checkRecorded(root, listing, signal);
    listings.set(root, listing);
  }
  if (roots.length === 1 && only !== undefined && !(await exists(join(only, IGNORE_FILE)))) return only;
  for (const [root, listing] of listings) {
    await copyListed(root, listing, roots.length > 1 ? join(folder, basename(root)) : folder, signal);
  }
  return folder;
}

async function copyListed(
  root: string,
  { single, files, recorded }: Listing,
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const mode = constants.COPYFILE_FICLONE;
  for (const { path, file } of files) {
    signal?.throwIfAborted();
    const target = single ? to : join(to, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(file, target, mode);
  }
  for (const { path } of recorded) {
    await cp(single ? root : join(root, path), single ? to : join(to, path), { recursive: true, mode });
  }
}

async function checkRecorded(
  root: string,
  { single, recorded }: Listing,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { path, md5 } of recorded) {
    const file = single ? root : join(root, path);
    const found = await dvcMd5(file, signal);
    if (found === md5) continue;
    if (found === undefined) {
      throw failure(
        'dataset-absent',
        `${file} is recorded by DVC, but its content is not here`,
        'Fetch it: dvc pull',
      );
    }
    throw failure(
      'dataset-differs',
      `${file} is not what ${file}.dvc records: its MD5 is ${found}, not ${md5}`,
      'Record it (dvc add) and commit, or get back what was recorded (dvc checkout).',
    );
  }
}

function pointersOnly(absent: readonly string[]): Error {
  const named = absent.slice(0, 3).join(', ');
  const more = absent.length > 3 ? ` and ${absent.length - 3} more` : '';
  return failure(
    'dataset-absent',
    `${named}${more} ${absent.length === 1 ? 'is a Git LFS pointer' : 'are Git LFS pointers'}: the content is not here`,
    'Fetch it: git lfs pull',
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
