import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Where a pull keeps what is not whole yet, beside its target. */
export interface PartialPull {
  folder: string;
  /** The model's files, which become the target when all are whole. */
  files: string;
  /** Path of the journal of the manifest's layer at this index. */
  journal(index: number): string;
}

/** What lies beside a target while it is being pulled: the folder of what has come, and the lock of who pulls. */
export function pullPlaces(target: string): { partial: string; lock: string } {
  const hidden = join(dirname(target), `.${basename(target)}`);
  return { partial: `${hidden}.partial`, lock: `${hidden}.lock` };
}

/** Opens what an earlier pull of the same model left, and discards what one of another model did. */
export async function openPartial(target: string, digest: string): Promise<PartialPull> {
  const folder = pullPlaces(target).partial;
  const partial: PartialPull = {
    folder,
    files: join(folder, 'files'),
    journal: (index) => join(folder, 'layers', `${index}.jsonl`),
  };
  const label = join(folder, 'digest');
  if ((await readFile(label, 'utf8').catch(() => '')) !== digest) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(partial.files, { recursive: true });
    await mkdir(join(folder, 'layers'));
    await writeFile(label, digest);
  }
  return partial;
}
