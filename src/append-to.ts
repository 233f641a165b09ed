import type { FileHandle } from 'node:fs/promises';

/** Most that waits to be written; all of it is lost when the process is killed. */
const MOST_WAITING = 256 * 1024;

/**
 * Writes chunks one after the other from a position on while more of them come, several at a time when the disk is
 * slower than they are. `add` resolves when there is room for the next, `flush` when all are written; both throw what a
 * write has thrown. `written` is told how far the file goes each time that it has grown.
 */
export function appendTo(
  file: FileHandle,
  start: number,
  written: (position: number) => void = () => {},
): { add(chunk: Uint8Array): Promise<void>; flush(): Promise<void> } {
  let position = start;
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  let writing: Promise<void> | undefined;

  const writeWaiting = async (): Promise<void> => {
    while (waiting.length > 0) {
      const chunks = waiting;
      waiting = [];
      bytes = 0;
      position += await writeAll(file, chunks, position);
      written(position);
    }
    writing = undefined;
  };
  return {
    async add(chunk) {
      waiting.push(chunk);
      bytes += chunk.byteLength;
      if (writing === undefined) {
        writing = writeWaiting();
        // Whoever adds or flushes next meets it.
        writing.catch(() => undefined);
      } else if (bytes > MOST_WAITING) await writing;
    },
    flush: async () => writing,
  };
}

async function writeAll(file: FileHandle, chunks: Uint8Array[], position: number): Promise<number> {
  const total = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  let { bytesWritten } = await file.writev(chunks, position);
  // A disk that runs full takes a part first, and says why only then.
  if (bytesWritten < total) {
    const rest = Buffer.concat(chunks);
    while (bytesWritten < total)
      bytesWritten += (await file.write(rest, bytesWritten, total - bytesWritten, position + bytesWritten))
        .bytesWritten;
  }
  return total;
}
