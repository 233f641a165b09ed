import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { failure } from '../errors.ts';
import { gitEnvironment } from './run-git.ts';

const LINE_FEED = 10;

/**
 * Reads objects through one `git cat-file --batch`, in order, each in chunks of which the last one is marked. Its output
 * is "<object> <type> <size>", a line feed, the content, a line feed. Throws `git-object-missing`, unless what is missing
 * may be passed over.
 */
export async function catFiles(
  folder: string,
  objects: readonly string[],
  onChunk: (index: number, chunk: Uint8Array, last: boolean) => void,
  options: { environment?: Record<string, string>; signal?: AbortSignal; passMissing?: boolean } = {},
): Promise<void> {
  if (objects.length === 0) return;
  const child = spawn('git', ['cat-file', '--batch', '--buffer'], {
    cwd: folder,
    env: gitEnvironment(options.environment),
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(options.signal && { signal: options.signal }),
  });
  const failed = once(child, 'error').then(([error]) => {
    throw error instanceof Error ? error : new Error(String(error));
  });
  failed.catch(() => undefined);
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${objects.join('\n')}\n`);
  const parser = batchParser(objects, onChunk, options.passMissing === true);
  const reading = (async () => {
    for await (const chunk of child.stdout) parser.push(chunk);
  })();
  try {
    await Promise.race([reading, failed]);
  } catch (error) {
    child.kill();
    options.signal?.throwIfAborted();
    throw error;
  }
  options.signal?.throwIfAborted();
  if (!parser.complete()) throw missing(folder, objects[0] ?? '');
}

/** Contents up to this are handed over in one piece. */
const WHOLE = 64 * 1024;

function batchParser(
  objects: readonly string[],
  onChunk: (index: number, chunk: Uint8Array, last: boolean) => void,
  passMissing: boolean,
): { push(chunk: Buffer): void; complete(): boolean } {
  let index = 0;
  let rest: Buffer = Buffer.alloc(0);
  /** Bytes of the content that are still to come; undefined before its header. */
  let left: number | undefined;
  return {
    push(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        if (left === undefined) {
          const end = rest.indexOf(LINE_FEED);
          if (end < 0) return;
          const header = rest.toString('latin1', 0, end);
          rest = rest.subarray(end + 1);
          if (passMissing && header.endsWith(' missing')) {
            index += 1;
            continue;
          }
          left = sizeIn(header);
        }
        // The line feed behind the content tells that it is there.
        if (rest.length > left) {
          onChunk(index, rest.subarray(0, left), true);
          rest = rest.subarray(left + 1);
          left = undefined;
          index += 1;
          continue;
        }
        if (left <= WHOLE) return;
        onChunk(index, rest, false);
        left -= rest.length;
        rest = Buffer.alloc(0);
        return;
      }
    },
    complete: () => index === objects.length,
  };
}

function sizeIn(header: string): number {
  const [object = '', type, size] = header.split(' ');
  if (size === undefined || type === 'missing') throw missing('this repository', object);
  return Number(size);
}

function missing(where: string, object: string): Error {
  return failure(
    'git-object-missing',
    `${where} lacks the object ${object}`,
    'Fetch it: git fetch --refetch, or git fsck to see what else is missing.',
  );
}
