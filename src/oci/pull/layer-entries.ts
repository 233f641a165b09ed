import { refusal } from '../../errors.ts';
import type { Descriptor } from '../descriptor.ts';
import { MODEL_FILEPATH, TITLE } from '../media-types.ts';
import { type PathCount, pathCount, safePath, unsafe } from '../tar/safe-path.ts';
import { readTar } from '../tar/tar-reading.ts';
import { PULL_MARKER } from './pull-marker.ts';

/** One file of a layer, or (without a path) a part of it that brings none. */
export interface LayerEntry {
  /** Below the model's folder. */
  path?: string;
  kind: 'file' | 'folder';
  size: number;
  content: AsyncIterable<Uint8Array>;
  /** The layer's bytes between the content before it and its own. */
  raw: Uint8Array;
}

/** What holds for all layers of a model together. */
export interface ModelPaths {
  /** The path below the model's folder; `undefined` for the folders above it. */
  of(path: string, kind: 'file' | 'folder', where: string): string | undefined;
  count: PathCount;
}

/**
 * The files of a ModelPack layer as they stream by: of a tar, or the one file that a `.raw` layer is (model-spec
 * 0.0.7, docs/spec.md "Layer Media Types"). Throws `layer-compressed` for a compressed one, and what `readTar` throws.
 */
export function layerEntries(
  layer: Descriptor,
  source: AsyncIterable<Uint8Array>,
  paths: ModelPaths,
  where: string,
): AsyncGenerator<LayerEntry, void, undefined> {
  if (/\+(?:gzip|zstd)$|\.gzip$/.test(layer.mediaType)) {
    throw refusal(
      'layer-compressed',
      `${where} is compressed (${layer.mediaType})`,
      'Pack the model with uncompressed layers: "edgeloop push" does.',
    );
  }
  return layer.mediaType.endsWith('.raw')
    ? rawFile(layer, source, paths, where)
    : tarFiles(layer, source, paths, where);
}

async function* tarFiles(
  layer: Descriptor,
  source: AsyncIterable<Uint8Array>,
  paths: ModelPaths,
  where: string,
): AsyncGenerator<LayerEntry, void, undefined> {
  for await (const { path: named, ...entry } of readTar(source, layer.size, where, paths.count)) {
    const path = paths.of(named, entry.kind, where);
    yield { ...entry, ...(path !== undefined && { path }) };
  }
}

async function* rawFile(
  layer: Descriptor,
  source: AsyncIterable<Uint8Array>,
  paths: ModelPaths,
  where: string,
): AsyncGenerator<LayerEntry, void, undefined> {
  const { [MODEL_FILEPATH]: filepath, [TITLE]: title } = layer.annotations ?? {};
  const named = safePath(filepath ?? title ?? '', where);
  const path = named.startsWith('models/') ? paths.of(named, 'file', where) : ownPath(named, where);
  if (path === undefined || path === '') throw unsafe(where, named, 'the layer does not name its file');
  paths.count(path, 'file', where);
  yield { path, kind: 'file', size: layer.size, content: source, raw: new Uint8Array() };
}

/** The paths of one model: `models/NAME/1/FILE` is `FILE`, with the same NAME throughout; all else is refused. */
export function modelPaths(): ModelPaths {
  let model: string | undefined;
  return {
    of(named, kind, where) {
      const [top = '', name = '', version = '', ...rest] = named.split('/');
      const path = rest.join('/');
      model ??= name === '' ? undefined : name;
      const fits = top === 'models' && (name === model || name === '') && (version === '1' || version === '');
      if (!fits || (path === '' && kind === 'file'))
        throw unsafe(where, named, 'it is not below models/NAME/1/');
      return path === '' ? undefined : ownPath(path, where);
    },
    count: pathCount(),
  };
}

function ownPath(path: string, where: string): string {
  if (path.split('/')[0] === PULL_MARKER) throw unsafe(where, path, 'the name is reserved');
  return path;
}
