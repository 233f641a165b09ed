import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { unreadable } from './list-files.ts';

/**
 * The MD5 that DVC 3 gives a file, or, with `.dir` behind it, a folder: that of the JSON list of its files' MD5 and
 * path, sorted by path, as Python's `json.dumps` writes it (dvc-data `hashfile/tree.py`). `undefined` when there is
 * nothing.
 */
export async function dvcMd5(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (!found.isDirectory()) return md5Of(path, signal);
  const names = await readdir(path, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => !entry.isDirectory());
  const listed: { md5: string; relpath: string }[] = [];
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name);
    listed.push({ md5: await md5Of(file, signal), relpath: file.slice(path.length + 1) });
  }
  const sorted = listed.toSorted((a, b) => Buffer.compare(Buffer.from(a.relpath), Buffer.from(b.relpath)));
  const entries = sorted.map(
    ({ md5, relpath }) => `{"md5": "${md5}", "relpath": ${asPythonWrites(relpath)}}`,
  );
  return `${createHash('md5')
    .update(`[${entries.join(', ')}]`)
    .digest('hex')}.dir`;
}

async function md5Of(file: string, signal: AbortSignal | undefined): Promise<string> {
  const digest = createHash('md5');
  await pipeline(createReadStream(file), digest, signal === undefined ? {} : { signal }).catch(
    (error: unknown) => {
      signal?.throwIfAborted();
      throw unreadable(file, error);
    },
  );
  return digest.digest('hex');
}

/** JSON with everything beyond ASCII escaped. */
function asPythonWrites(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007F-\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
