import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, isSystemError } from './errors.ts';
import { ownerIsGone, ownerName } from './process-owner.ts';
import { storageFailure } from './storage-failure.ts';

const LONGEST_PAUSE_MS = 50;

/**
 * Holds a lock file while `work` runs, so that one process at a time does. Waits for its turn for at most `limitMs`
 * (then `lock-timeout`, or the signal's reason); a lock whose process is gone is broken.
 */
export async function withLock<T>(
  file: string,
  limitMs: number,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  await takeLock(file, limitMs, signal);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function takeLock(file: string, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (let pause = 1; !(await tryLock(file)); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    const owner = await ownerOf(file);
    const left = deadline - performance.now();
    if (left <= 0) throw timedOut(file, owner, limitMs);
    if (owner !== undefined && ownerIsGone(owner)) await breakLock(file, left);
    else await sleep(Math.random() * pause);
  }
}

/** The lock appears with its content in one step (a hard link fails when the name exists), never empty. */
async function tryLock(file: string): Promise<boolean> {
  const own = `${file}.${ownerName()}-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(own, ownerName(), { flag: 'wx' });
    await link(own, file);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw storageFailure(error, file);
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Two processes that both saw a dead owner must not both remove the lock: the second would remove the first one's
 * new lock. So breaking needs a lock itself, and the owner is looked at again under it.
 */
async function breakLock(file: string, limitMs: number): Promise<void> {
  await withLock(`${file}.breaking`, limitMs, async () => {
    const owner = await ownerOf(file);
    if (owner !== undefined && ownerIsGone(owner)) await rm(file, { force: true });
  });
}

async function ownerOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function timedOut(file: string, owner: string | undefined, limitMs: number): Error {
  const holder = owner === undefined ? 'others' : `process ${owner.split('-')[0]}`;
  return failure(
    'lock-timeout',
    `${file} was held by ${holder} for more than ${limitMs / 1000} s`,
    `Wait for it to end and run it again; if nothing is running any more, delete ${file}.`,
  );
}
