import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSystemError } from '../../errors.ts';
import type { Descriptor } from '../descriptor.ts';
import { after } from '../digest.ts';
import { unsafe } from '../tar/safe-path.ts';
import { appendTo } from '../../append-to.ts';
import { type LayerEntry, layerEntries, type ModelPaths } from './layer-entries.ts';
import type { LayerJournal } from './layer-journal.ts';

/** The files of a pull, over all of its layers. */
export interface PulledFiles {
  folder: string;
  paths: ModelPaths;
  /** The layer that brings a file, and the file's length in bytes, by path. */
  claimed: Map<string, { layer: Descriptor; size: number }>;
}

/**
 * Unpacks a layer as it streams by, its beginning from what its journal has; whatever is written survives a power cut
 * when this resolves. Throws `layer-unsafe`, `layer-damaged`, `layer-compressed`, and what the source throws.
 */
export async function unpackLayer(
  layer: Descriptor,
  source: AsyncIterable<Uint8Array>,
  journal: LayerJournal,
  files: PulledFiles,
  where: string,
): Promise<void> {
  for await (const entry of layerEntries(layer, source, files.paths, where)) {
    const { path, kind, size, raw } = entry;
    if (path !== undefined && kind === 'file') claim(files, path, layer, entry, where);
    const place = path === undefined ? files.folder : join(files.folder, path);
    try {
      await mkdir(kind === 'folder' ? place : dirname(place), { recursive: true });
      await journal.add({ raw, size, ...(path !== undefined && kind === 'file' && { path }) });
      if (path !== undefined && kind === 'file') await writeRest(place, entry, journal.held.get(path));
    } catch (error) {
      // The folder is ours: only another entry can be in the way.
      if (!isSystemError(error, 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG')) throw error;
      throw unsafe(where, path ?? '', 'its name is too long or taken by another entry');
    }
  }
}

function claim(
  files: PulledFiles,
  path: string,
  layer: Descriptor,
  { size }: LayerEntry,
  where: string,
): void {
  if (files.claimed.has(path)) throw unsafe(where, path, 'its name is taken by another entry');
  files.claimed.set(path, { layer, size });
}

/** Writes a file from the byte on that it ends at, or anew when nothing of it is known to be there. */
async function writeRest(place: string, { content }: LayerEntry, held = 0): Promise<void> {
  const file = await open(place, held > 0 ? 'r+' : 'w', 0o644);
  try {
    const writer = appendTo(file, held);
    try {
      for await (const chunk of after(held, content)) await writer.add(chunk);
    } finally {
      // Also when the line is cut: what has come need not come again.
      await writer.flush();
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
