import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../../src/errors.ts';

/** A disk of its own whose size is what a test needs; only root can have one. */
export interface SmallDisk {
  folder: string;
  /** Leaves no free block. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
  resize(size: string): void;
  /** Waits until nobody has a file open there to write it. */
  makeReadOnly(): Promise<void>;
  unmount(): void;
}

export function smallDisk(folder: string, size: string): SmallDisk {
  const mount = (options: string) =>
    void execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'pipe' });
  mkdirSync(folder);
  mount(`size=${size},mode=0700`);
  const filler = join(folder, 'filler');
  return {
    folder,
    fill() {
      const { bavail, bsize } = statfsSync(folder);
      try {
        writeFileSync(filler, Buffer.alloc(bavail * bsize));
      } catch (error) {
        // Who writes there meanwhile has taken some of it.
        if (!isSystemError(error, 'ENOSPC')) throw error;
      }
    },
    free: () => rmSync(filler),
    resize: (bytes) => mount(`remount,size=${bytes}`),
    async makeReadOnly() {
      for (let attempt = 0; ; attempt += 1) {
        try {
          return mount('remount,ro');
        } catch (error) {
          if (attempt >= 100) throw error;
          await sleep(50);
        }
      }
    },
    // The processes that had files there are gone, or going.
    unmount: () => execFileSync('umount', ['-l', folder], { stdio: 'pipe' }),
  };
}
