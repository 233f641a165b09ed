import { failure } from '../../errors.ts';
import { retryWaitMs } from '../../http.ts';
import { pause } from '../../pause.ts';
import { checkDigest, type Descriptor } from '../descriptor.ts';
import { digestOf } from '../digest.ts';
import { checkManifestSize, type ManifestFacts, readManifestFacts } from '../manifest-reading.ts';
import { DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import { isTag } from '../reference.ts';
import { hasBlob } from './blobs-download.ts';
import type { Place } from './endpoint.ts';
import { errorCodes, mediaTypeOf, registryError, unexpectedAnswer } from './registry-errors.ts';
import { type RegistryAnswer, request } from './requests.ts';

/** A manifest or index with its descriptor, which carries the artifact type and no annotations. */
export interface StoredManifest {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

/** Azure's code for what must not be written because of a lock (its troubleshooting pages: "disallowed operation"). */
const LOCKED = 'REGISTRY_DISALLOWED_OPERATION';
const ACCEPT = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(', ');

/**
 * Reads a manifest or index by digest or tag; `undefined` when there is none. Throws `digest-mismatch`,
 * `manifest-too-large`, `manifest-invalid` and `registry-answer-unexpected`.
 */
export async function readManifest(place: Place, reference: string): Promise<StoredManifest | undefined> {
  const isDigest = reference.startsWith('sha256:');
  if (isDigest) checkDigest(reference);
  else if (!isTag(reference)) return undefined;
  const where = `${place.name}${isDigest ? '@' : ':'}${reference}`;
  const chunks: Uint8Array[] = [];
  const answer = await request(place.endpoint, {
    url: place.url(`manifests/${reference}`),
    scope: place.pull,
    headers: { accept: ACCEPT },
    async receive(body) {
      chunks.length = 0;
      let size = 0;
      for await (const chunk of body) {
        checkManifestSize((size += chunk.byteLength), where);
        chunks.push(chunk);
      }
    },
  });
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw registryError(answer, `reading ${where}`);
  checkMediaType(answer, where);
  const bytes = Buffer.concat(chunks);
  const stated = isDigest ? reference : answer.headers['docker-content-digest'];
  checkStated(bytes, stated, where);
  return { descriptor: readManifestFacts(bytes, where).descriptor, bytes };
}

/** The digest that a tag names; `undefined` when there is none. */
export async function digestOfTag(place: Place, tag: string): Promise<string | undefined> {
  const answer = await request(place.endpoint, {
    method: 'HEAD',
    url: place.url(`manifests/${tag}`),
    scope: place.pull,
    headers: { accept: ACCEPT },
  });
  if (answer.status === 404) return undefined;
  const digest = answer.headers['docker-content-digest'];
  // The header is optional (distribution-spec 1.1, "Checking if content exists").
  if (answer.status !== 200 || digest === undefined)
    return (await readManifest(place, tag))?.descriptor.digest;
  return String(digest);
}

/**
 * Stores a manifest under its digest or a tag, and returns the answer's headers. What is locked and there already counts
 * as stored. Throws `blob-missing`.
 */
export async function putManifest(
  place: Place,
  reference: string,
  facts: ManifestFacts,
  bytes: Uint8Array,
): Promise<RegistryAnswer['headers']> {
  const { mediaType, digest } = facts.descriptor;
  const what = `writing ${digest} to ${place.name}${reference === digest ? '' : ` as ${reference}`}`;
  for (let isSecond = false; ; isSecond = true) {
    const answer = await request(place.endpoint, {
      method: 'PUT',
      url: place.url(`manifests/${reference}`),
      scope: place.push,
      send: { contentType: mediaType, bytes },
    });
    if (answer.status === 201) {
      checkStated(bytes, answer.headers['docker-content-digest'], what);
      return answer.headers;
    }
    const failed = registryError(answer, what);
    const isLocked = errorCodes(answer).includes(LOCKED);
    // What is locked is not taken again, though it would change nothing.
    if (isLocked && (await digestOfTag(place, reference)) === digest) return answer.headers;
    const missing =
      isLocked || [401, 403].includes(answer.status) ? undefined : await findMissing(place, facts);
    if (missing !== undefined) {
      throw failure(
        'blob-missing',
        `${what}: it names ${missing}, which is not there`,
        'Push first what the manifest names.',
        { cause: failed },
      );
    }
    // docker-registry says so for a moment while another client writes the same manifest.
    const isContended = errorCodes(answer).includes('MANIFEST_BLOB_UNKNOWN');
    if (isSecond || !isContended) throw failed;
    await pause(retryWaitMs(1), place.endpoint.signal);
  }
}

/** Looked for only when a manifest was refused: the registries' codes for it differ, and one answers 500. */
async function findMissing(place: Place, { blobs, manifests }: ManifestFacts): Promise<string | undefined> {
  for (const { digest } of blobs) if (!(await hasBlob(place, digest, place.push))) return digest;
  for (const { digest } of manifests) if ((await readManifest(place, digest)) === undefined) return digest;
  return undefined;
}

function checkMediaType(answer: RegistryAnswer, where: string): void {
  const type = mediaTypeOf(answer);
  if (type === '' || type === 'application/octet-stream' || /[/+](json|prettyjws)$/.test(type)) return;
  throw unexpectedAnswer(`reading ${where}`, `it answered 200 with ${type.slice(0, 100)}, not a manifest`);
}

function checkStated(bytes: Uint8Array, stated: string | string[] | undefined, where: string): void {
  const actual = digestOf(bytes);
  // What the registry states in another algorithm cannot be compared.
  if (stated === undefined || !String(stated).startsWith('sha256:') || actual === stated) return;
  throw failure(
    'digest-mismatch',
    `${where}: the digest should be ${String(stated).slice(0, 80)} but is ${actual}`,
    'Try again; if it stays so, push again what belongs there.',
  );
}
