import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../folder-lock.ts';
import { openLayoutRepository } from './layout.ts';
import { ownerName } from '../../process-owner.ts';
import { blobFrom, scratchFolder } from '../../../test/fixtures/oci-layout.ts';

const WRITER = fileURLToPath(new URL('../../../test/fixtures/layout-writer.ts', import.meta.url));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [WRITER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function exitOf(child: ChildProcess): Promise<unknown> {
  return child.exitCode ?? (await once(child, 'exit'))[0];
}

/** A lock whose process was killed while it held it. */
async function leaveLock(file: string): Promise<void> {
  const holder = start('hold', file);
  if (holder.stdout) await once(holder.stdout, 'data');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
}

const tagsOf = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

describe('several processes that write to one layout', () => {
  it('lose no tag, even when they find the lock of a dead process', async () => {
    await using scratch = await scratchFolder();
    await leaveLock(join(scratch.path, 'index.json.lock'));
    expect(await readdir(scratch.path)).toContain('index.json.lock');
    const names = ['a', 'b', 'c'];
    const writers = names.map((name) => start('tag', scratch.path, name, '25'));
    expect(await Promise.all(writers.map(exitOf))).toEqual([0, 0, 0]);
    const expected = names.flatMap((name) => tagsOf(name, 25)).toSorted();
    expect(await openLayoutRepository(scratch.path).tags()).toEqual(expected);
    expect((await readdir(scratch.path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('leave a readable layout when one is killed', async () => {
    await using scratch = await scratchFolder();
    const victim = start('tag', scratch.path, 'victim', '100000');
    const repository = openLayoutRepository(scratch.path);
    while ((await repository.tags()).length < 5) await new Promise((done) => setTimeout(done, 5));
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    const before = await repository.tags();
    expect(await exitOf(start('tag', scratch.path, 'next', '3'))).toBe(0);
    expect(await repository.tags()).toEqual([...tagsOf('next', 3), ...before]);
    for (const tag of before) expect(await repository.readManifest(tag)).toBeDefined();
    expect((await readdir(scratch.path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('remove what a dead process left unfinished, but not what a living one is writing', async () => {
    await using scratch = await scratchFolder();
    await leaveLock(join(scratch.path, 'lock'));
    const dead = await readFile(join(scratch.path, 'lock'), 'utf8');
    await writeFile(join(scratch.path, `.incoming-${dead}-00ff`), 'half a blob');
    await writeFile(join(scratch.path, `.incoming-${ownerName()}-00ff`), 'being written');
    expect(await exitOf(start('tag', scratch.path, 'a', '1'))).toBe(0);
    const names = await readdir(scratch.path);
    expect(names.filter((name) => name.startsWith('.incoming-'))).toEqual([`.incoming-${ownerName()}-00ff`]);
  });
});

describe('withLock', () => {
  it('lets one at a time in', async () => {
    await using scratch = await scratchFolder();
    let inside = 0;
    const overlaps: number[] = [];
    const work = async (): Promise<void> => {
      inside += 1;
      overlaps.push(inside);
      await new Promise((done) => setTimeout(done, 1));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => withLock(join(scratch.path, 'lock'), 10_000, work)));
    expect(overlaps).toEqual(Array.from({ length: 20 }, () => 1));
  });

  it('is let go when the work fails', async () => {
    await using scratch = await scratchFolder();
    const lock = join(scratch.path, 'lock');
    await expect(withLock(lock, 1000, () => Promise.reject(new Error('work failed')))).rejects.toThrow(
      'work failed',
    );
    expect(await withLock(lock, 0, async () => 'next')).toBe('next');
  });

  it('gives up on a living holder after the limit, and says who holds it', async () => {
    await using scratch = await scratchFolder();
    const lock = join(scratch.path, 'lock');
    await withLock(lock, 1000, async () => {
      await expect(withLock(lock, 30, async () => 'never')).rejects.toMatchObject({
        code: 'lock-timeout',
        message: expect.stringContaining(`process ${process.pid}`),
        remedy: expect.stringContaining(lock),
      });
    });
  });

  it('does not break the lock of a process in another container, whose pid means nothing here', async () => {
    await using scratch = await scratchFolder();
    const lock = join(scratch.path, 'lock');
    await writeFile(lock, '4194303-1-abcdefabcdef-abcdefabcdef');
    await expect(withLock(lock, 30, async () => 'never')).rejects.toMatchObject({ code: 'lock-timeout' });
  });

  it('breaks a lock of an earlier boot, whatever process has its pid now', async () => {
    await using scratch = await scratchFolder();
    const lock = join(scratch.path, 'lock');
    const [pid, started, , scope] = ownerName().split('-');
    await writeFile(lock, `${pid}-${started}-abcdefabcdef-${scope}`);
    expect(await withLock(lock, 1000, async () => 'done')).toBe('done');
  });

  it('breaks a lock whose pid was given to another process', async () => {
    await using scratch = await scratchFolder();
    const lock = join(scratch.path, 'lock');
    const [pid, , boot, scope] = ownerName().split('-');
    await writeFile(lock, `${pid}-1-${boot}-${scope}`);
    expect(await withLock(lock, 1000, async () => 'done')).toBe('done');
  });
});

describe('a layout that cannot be written', () => {
  it('says so with a code', async () => {
    await using scratch = await scratchFolder();
    await mkdir(join(scratch.path, 'registry'));
    await writeFile(join(scratch.path, 'registry', 'churn'), 'a file where the layout should be');
    const repository = openLayoutRepository(join(scratch.path, 'registry', 'churn'));
    await expect(repository.writeBlob(blobFrom(new Uint8Array(1)))).rejects.toMatchObject({
      code: 'not-writable',
    });
  });
});
