import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Writes a CSV file with the header of another and its rows, again and again until there are `rows`. */
export async function writeLargeHoldout(source: string, target: string, rows: number): Promise<void> {
  const [header = '', ...lines] = (await readFile(source, 'utf8')).trimEnd().split('\n');
  const all = `${lines.join('\n')}\n`;
  const parts = function* () {
    yield `${header}\n`;
    for (let whole = 0; whole < Math.floor(rows / lines.length); whole += 1) yield all;
    yield lines
      .slice(0, rows % lines.length)
      .map((line) => `${line}\n`)
      .join('');
  };
  await pipeline(Readable.from(parts()), createWriteStream(target));
}
