import { failure, refusal } from '../errors.ts';
import { type Descriptor, manifestSchema } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { streamOf } from './durable-file.ts';
import { parseManifest } from './manifest-reading.ts';
import { OCI_EMPTY, OCI_MANIFEST } from './media-types.ts';
import { encodeJson, sortedByKey } from './canonical-json.ts';
import type { Repository } from './repository.ts';

/** Longest document that is read into memory, bytes. */
const DOCUMENT_LIMIT = 64 * 1024 * 1024;
const EMPTY_BYTES = new TextEncoder().encode('{}');

/** One document as an OCI artifact: a verdict, a dataset manifest, a channel document. */
export interface ArtifactToWrite {
  artifactType: string;
  /** Of the document itself. */
  mediaType: string;
  bytes: Uint8Array;
  /** What it refers to: it becomes one of the subject's referrers. */
  subject?: Descriptor;
  annotations?: Record<string, string>;
  tag?: string;
  moveTag?: boolean;
}

export interface Artifact {
  /** The manifest's. */
  descriptor: Descriptor;
  bytes: Uint8Array;
  annotations: Record<string, string>;
  subject?: Descriptor;
}

/**
 * Stores a document as an artifact (image-spec 1.1, "Guidelines for Artifact Usage": empty config, one layer) and
 * returns its manifest's descriptor. The same document gives the same digest. Throws `tag-exists`.
 */
export async function writeArtifact(repository: Repository, artifact: ArtifactToWrite): Promise<Descriptor> {
  const config = { mediaType: OCI_EMPTY, digest: digestOf(EMPTY_BYTES), size: EMPTY_BYTES.byteLength };
  const { bytes, mediaType, subject } = artifact;
  const layer = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  await repository.writeBlob({ descriptor: config, open: () => streamOf(EMPTY_BYTES) });
  await repository.writeBlob({ descriptor: layer, open: () => streamOf(bytes) });
  const manifest = encodeJson({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: artifact.artifactType,
    config,
    layers: [layer],
    ...(subject && { subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size } }),
    ...(artifact.annotations && { annotations: sortedByKey(artifact.annotations) }),
  });
  return repository.writeManifest(manifest, {
    ...(artifact.tag !== undefined && { tag: artifact.tag }),
    ...(artifact.moveTag !== undefined && { moveTag: artifact.moveTag }),
  });
}

/**
 * Reads an artifact by digest, descriptor or tag. Throws `artifact-missing`, `artifact-unexpected` for another artifact
 * type or anything but one layer, `blob-missing`, `digest-mismatch`.
 */
export async function readArtifact(
  repository: Repository,
  reference: string | Descriptor,
  expectedArtifactType: string,
): Promise<Artifact> {
  const name = typeof reference === 'string' ? reference : reference.digest;
  const where = `${repository.name} ${name}`;
  const found = await repository.readManifest(name);
  if (found === undefined) {
    throw failure(
      'artifact-missing',
      `${where} does not exist`,
      'Check its name; it may not have been written yet.',
    );
  }
  const manifest = parseManifest(manifestSchema, found.bytes, where);
  if (manifest.artifactType !== expectedArtifactType) {
    throw unexpected(where, `is ${manifest.artifactType ?? 'not an artifact'}, not ${expectedArtifactType}`);
  }
  const [layer, ...others] = manifest.layers;
  if (layer === undefined || others.length > 0) throw unexpected(where, 'does not have exactly one document');
  if (layer.size > DOCUMENT_LIMIT)
    throw unexpected(where, `has ${layer.size} bytes, more than ${DOCUMENT_LIMIT}`);
  return {
    descriptor: found.descriptor,
    bytes: Buffer.concat(await Array.fromAsync(repository.readBlob(layer))),
    annotations: manifest.annotations ?? {},
    ...(manifest.subject && { subject: manifest.subject }),
  };
}

function unexpected(where: string, problem: string): Error {
  return refusal('artifact-unexpected', `${where} ${problem}`, 'Check its name, and who wrote it.');
}
