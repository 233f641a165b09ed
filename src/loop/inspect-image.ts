import { EdgeloopError } from '../errors.ts';
import {
  type Descriptor,
  type OpenRegistryOptions,
  readModelManifest,
  readPackedFile,
  type Repository,
  type TransferSummary,
} from '../oci/index.ts';
import { type Card, CARD_FILE, parseCard } from '../onnx/index.ts';
import { findImage, type FoundImage } from './find-image.ts';

/** What a registry says of a model; only its manifest and card are read, and nothing is kept. */
export interface InspectedImage extends TransferSummary {
  ref: string;
  image?: FoundImage['image'];
  layers: Descriptor[];
  annotations: Record<string, string>;
  /** Absent for a folder that was packed without a model. */
  card?: Card;
  /** What hangs on it: verdict, dataset, training log, signatures. */
  referrers: Descriptor[];
}

/** Reads what a reference names, as `findImage` finds it. */
export async function inspectImage(ref: string, options: OpenRegistryOptions): Promise<InspectedImage> {
  const { repository, digest, ...found } = await findImage(ref, options);
  const { descriptor, manifest } = await readModelManifest(repository, digest);
  const [card, referrers] = await Promise.all([readCard(repository, digest), repository.referrers(digest)]);
  return {
    ...found,
    digest,
    bytes: manifest.layers.reduce((sum, layer) => sum + layer.size, descriptor.size),
    transferred: 0,
    reused: 0,
    layers: manifest.layers,
    annotations: manifest.annotations ?? {},
    ...(card !== undefined && { card }),
    referrers,
  };
}

async function readCard(repository: Repository, digest: string): Promise<Card | undefined> {
  try {
    return parseCard(await readPackedFile(repository, digest, CARD_FILE));
  } catch (error) {
    if (error instanceof EdgeloopError && error.code === 'model-file-missing') return undefined;
    throw error;
  }
}
