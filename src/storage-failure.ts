import { statfs } from 'node:fs/promises';
import { EdgeloopError, failure, isSystemError } from './errors.ts';

/** Gives a system error of writing a file its code and remedy; anything else is passed on. */
export function storageFailure(error: unknown, file: string): unknown {
  if (error instanceof EdgeloopError) return error;
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    return failure('disk-full', `no room left to write ${file}`, 'Free some space and run it again.', {
      cause: error,
    });
  }
  if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR')) {
    return failure(
      'not-writable',
      `cannot write ${file}`,
      'Check who may write there, and what lies there already.',
      {
        cause: error,
      },
    );
  }
  return error;
}

/** Throws `disk-full` when so many bytes have no room in a folder: a disk that is filled serves nobody else either. */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const room = bavail * bsize;
  if (bytes <= room) return;
  throw failure(
    'disk-full',
    `no room left to write ${folder}: it needs ${bytes} bytes more, and there is room for ${room}`,
    'Free some space and run it again: what has come so far is kept.',
  );
}
