import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ownerName } from '../process-owner.ts';

/** Replaces a file of a cache in one step. Where it cannot be written nothing is kept: a cache only saves work. */
export function writeCacheFile(file: string, content: string | Uint8Array): void {
  const part = `${file}.${ownerName()}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(part, content);
    renameSync(part, file);
  } catch {
    if (existsSync(part)) rmSync(part);
  }
}
