import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, isSystemError, misuse } from '../../errors.ts';
import { CARD_FILE, MODEL_FILE } from '../../onnx/index.ts';
import { MODEL_WEIGHT, MODEL_WEIGHT_CONFIG } from '../media-types.ts';
import { PULL_MARKER } from '../pull/pull-marker.ts';
import type { TarFile } from '../tar/tar-writing.ts';

const CHUNK = 96 * 1024;
const SMALL_BYTES = 1024 * 1024;
/** Most files of a model folder. */
const FILE_LIMIT = 1000;
const DATA_SUFFIX = /\.(?:onnx|onnx_data|data|bin|weights?)$/;

/** A layer to be: files of a model folder that change together. */
export interface LayerPlan {
  mediaType: string;
  /** Paths relative to the model folder. */
  files: TarFile[];
}

/**
 * Sorts a model folder's files into layers by their rate of change: the card alone, so that a device reads it before
 * it fetches anything else; golden samples and other small files; `model.onnx`; each other large or data file alone.
 */
export function planLayers(files: TarFile[]): LayerPlan[] {
  const card = files.filter((file) => file.path === CARD_FILE);
  const model = files.filter((file) => file.path === MODEL_FILE);
  const rest = files.filter((file) => file.path !== CARD_FILE && file.path !== MODEL_FILE);
  const small = rest.filter((file) => file.size <= SMALL_BYTES && !DATA_SUFFIX.test(file.path));
  const large = rest.filter((file) => !small.includes(file));
  return [
    { mediaType: MODEL_WEIGHT_CONFIG, files: card },
    { mediaType: MODEL_WEIGHT_CONFIG, files: small },
    { mediaType: MODEL_WEIGHT, files: model },
    ...large.map((file) => ({ mediaType: MODEL_WEIGHT, files: [file] })),
  ].filter((layer) => layer.files.length > 0);
}

/**
 * All files of a model folder, sorted by path. Throws the misuse `model-folder-invalid` for an empty folder, links,
 * special files and more than 1,000 files.
 */
export async function listModelFiles(folder: string): Promise<TarFile[]> {
  const files: TarFile[] = [];
  for (const name of await readFolder(folder)) {
    const path = join(folder, name);
    const found = await lstat(path);
    if (found.isDirectory()) continue;
    if (!found.isFile())
      throw invalid(`${path} is not a regular file`, 'Put the file itself there, not a link.');
    if (name.includes('\\')) throw invalid(`${path} has a "\\" in its name`, 'Give it another name.');
    files.push({ path: name, size: found.size, open: () => readBytes(path) });
  }
  if (files.length === 0)
    throw invalid(`${folder} holds no files`, `Name the folder that holds ${MODEL_FILE}.`);
  if (files.length > FILE_LIMIT) {
    throw invalid(
      `${folder} holds ${files.length} files, more than ${FILE_LIMIT}`,
      'Keep only the model there, with all its tensors in one external data file.',
    );
  }
  return files;
}

async function readFolder(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => name !== PULL_MARKER).toSorted();
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw invalid(`${folder} is not a folder`, 'Name the folder that holds the model.', error);
  }
}

async function* readBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    await using file = await open(path);
    const read = () => file.read(Buffer.allocUnsafeSlow(CHUNK), 0, CHUNK);
    let next = read();
    try {
      for (;;) {
        const { bytesRead, buffer } = await next;
        if (bytesRead === 0) return;
        // While these bytes are hashed and sent, the disk brings the next ones.
        next = read();
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await next.catch(() => undefined);
    }
  } catch (error) {
    if (!isSystemError(error, 'EACCES', 'EPERM', 'ENOENT')) throw error;
    throw failure(
      'not-readable',
      `cannot read ${path}`,
      'Check that it is still there and who may read it.',
      {
        cause: error,
      },
    );
  }
}

function invalid(problem: string, remedy: string, cause?: unknown): Error {
  return misuse('model-folder-invalid', problem, remedy, cause === undefined ? undefined : { cause });
}
