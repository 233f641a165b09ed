import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { digestSchema } from '../descriptor.ts';
import { streamOf, writeNewFile } from '../durable-file.ts';

/** The file that says which model a pulled folder holds, whole. It is not part of the model. */
export const PULL_MARKER = '.edgeloop-pulled.json';

const markerSchema = z.strictObject({
  digest: digestSchema,
  /** Bytes by path. */
  files: z.record(z.string(), z.int().nonnegative()),
});

export type PullMarker = z.infer<typeof markerSchema>;

/** Marks a folder as complete; written last, before the folder gets its name. */
export async function writeMarker(folder: string, marker: PullMarker): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(marker)}\n`);
  await writeNewFile(join(folder, PULL_MARKER), streamOf(bytes));
}

/** True when a folder is marked complete for this digest and its files still have their lengths. */
export async function isPulled(folder: string, digest: string): Promise<boolean> {
  const marker = await readMarker(folder);
  if (marker?.digest !== digest) return false;
  for (const [path, size] of Object.entries(marker.files)) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (found?.isFile() !== true || found.size !== size) return false;
  }
  return true;
}

async function readMarker(folder: string): Promise<PullMarker | undefined> {
  try {
    return markerSchema.parse(JSON.parse(await readFile(join(folder, PULL_MARKER), 'utf8')));
  } catch {
    // Whatever cannot be read does not prove that the folder is complete.
    return undefined;
  }
}
