import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ownerIsGone, ownerName } from '../process-owner.ts';
import { storageFailure } from '../storage-failure.ts';

/** A name beside others that no other process uses and that tells whose it is, so that leftovers can be removed. */
export function incomingName(prefix: string): string {
  return `${prefix}${ownerName()}-${randomBytes(6).toString('hex')}`;
}

/** Removes what processes that are gone left under `incomingName(prefix)`. */
export async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix) && ownerIsGone(name.slice(prefix.length))) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** Makes the entries of a folder (creations, renames) survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a new file and makes its content survive a power cut; its folder is the caller's to sync. */
export async function writeNewFile(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(file, 'wx', 0o644);
  try {
    for await (const chunk of content) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file in one step: other processes and a power cut leave the old content or the new, never a mixture. */
export async function replaceFile(
  folder: string,
  name: string,
  content: AsyncIterable<Uint8Array>,
  temporaryPrefix: string,
): Promise<void> {
  const temporary = join(folder, incomingName(temporaryPrefix));
  try {
    await writeNewFile(temporary, content);
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw storageFailure(error, join(folder, name));
  }
  await syncFolder(dirname(join(folder, name)));
}

/** Bytes in memory as a stream. */
export async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
