import { refusal } from '../../errors.ts';
import type { Descriptor } from '../descriptor.ts';
import { MODEL_FILEPATH } from '../media-types.ts';
import { readTar, safePath, unsafe } from '../tar-reading.ts';
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

/** Names the files of a model's layers by their paths below the model's folder; one for all layers of a model. */
export type PathOf = (path: string, kind: 'file' | 'folder', where: string) => string | undefined;

/**
 * The files of a ModelPack layer as they stream by: of a tar, or the one file that a `.raw` layer is (model-spec
 * 0.0.7, docs/spec.md "Layer Media Types"). Throws `layer-compressed` for a compressed one, and what `readTar` throws.
 */
export function layerEntries(
  layer: Descriptor,
  source: AsyncIterable<Uint8Array>,
  pathOf: PathOf,
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
    ? rawFile(layer, source, pathOf, where)
    : tarFiles(layer, source, pathOf, where);
}

async function* tarFiles(
  layer: Descriptor,
  source: AsyncIterable<Uint8Array>,
  pathOf: PathOf,
  where: string,
): AsyncGenerator<LayerEntry, void, undefined> {
  for await (const { path: named, ...entry } of readTar(source, layer.size, where)) {
    const path = pathOf(named, entry.kind, where);
    yield { ...entry, ...(path !== undefined && { path }) };
  }
}

async function* rawFile(
  layer: Descriptor,
  source: AsyncIterable<Uint8Array>,
  pathOf: PathOf,
  where: string,
): AsyncGenerator<LayerEntry, void, undefined> {
  const { [MODEL_FILEPATH]: filepath, 'org.opencontainers.image.title': title } = layer.annotations ?? {};
  const named = safePath(filepath ?? title ?? '', where);
  const path = named.startsWith('models/') ? pathOf(named, 'file', where) : ownPath(named, where);
  if (path === undefined || path === '') throw unsafe(where, named, 'the layer does not name its file');
  yield { path, kind: 'file', size: layer.size, content: source, raw: new Uint8Array() };
}

/**
 * Turns `models/NAME/1/FILE` into `FILE`, with the same NAME throughout; `undefined` for the folders above, a refusal
 * for anything else.
 */
export function modelPaths(): PathOf {
  let model: string | undefined;
  return (named, kind, where) => {
    const [top = '', name = '', version = '', ...rest] = named.split('/');
    const path = rest.join('/');
    model ??= name === '' ? undefined : name;
    const fits = top === 'models' && (name === model || name === '') && (version === '1' || version === '');
    if (!fits || (path === '' && kind === 'file'))
      throw unsafe(where, named, 'it is not below models/NAME/1/');
    return path === '' ? undefined : ownPath(path, where);
  };
}

function ownPath(path: string, where: string): string {
  if (path.split('/')[0] === PULL_MARKER) throw unsafe(where, path, 'the name is reserved');
  return path;
}
