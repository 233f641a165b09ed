import { z } from 'zod';
import { checkDigest, type Descriptor, descriptorSchema } from '../descriptor.ts';
import { type ManifestFacts, readManifestFacts } from '../manifest-reading.ts';
import { OCI_INDEX } from '../media-types.ts';
import type { Place } from './endpoint.ts';
import { readManifest } from './manifests.ts';
import { parsePage, readPages } from './pages.ts';
import { readFallback } from './referrers-fallback.ts';
import { mediaTypeOf, registryError } from './registry-errors.ts';

// Registries written in Go say null for an empty list.
const pageSchema = z.object({ manifests: z.array(descriptorSchema).nullable() });

/** Reads a manifest's facts; what was read once is remembered, since a digest's content never changes. */
export type FactsReader = (digest: string) => Promise<ManifestFacts | undefined>;

export function factsReader(place: Place): FactsReader {
  const known = new Map<string, ManifestFacts>();
  return async (digest) => {
    const found = known.get(digest);
    if (found !== undefined) return found;
    const stored = await readManifest(place, digest);
    if (stored === undefined) return undefined;
    const facts = readManifestFacts(stored.bytes, `${place.name}@${digest}`);
    known.set(digest, facts);
    return facts;
  };
}

/**
 * Descriptors of a subject's referrers with artifact type and annotations, by the referrers API or, where there is
 * none, by the fallback tag. What is listed but deleted is left out.
 */
export async function readReferrers(
  place: Place,
  readFacts: FactsReader,
  subject: string,
  artifactType?: string,
): Promise<Descriptor[]> {
  checkDigest(subject);
  const listed = (await askApi(place, subject, artifactType)) ?? (await readFallback(place, subject));
  const found = new Map<string, Descriptor>();
  for (const entry of listed) {
    if (artifactType !== undefined && (entry.artifactType ?? artifactType) !== artifactType) continue;
    const whole = await completed(entry, readFacts);
    if (whole === undefined || (artifactType !== undefined && whole.artifactType !== artifactType)) continue;
    found.set(whole.digest, whole);
  }
  return [...found.values()];
}

/** `undefined` when the registry has no referrers API: 404 (or 400, 405 of older ones), or what is not an index. */
async function askApi(
  place: Place,
  subject: string,
  artifactType: string | undefined,
): Promise<Descriptor[] | undefined> {
  const what = `listing the referrers of ${subject} in ${place.name}`;
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const pages = await readPages(place, place.url(`referrers/${subject}${query}`), what, (answer) => {
    const { status } = answer;
    if (status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status)) return false;
    if (status !== 200) throw registryError(answer, what);
    return mediaTypeOf(answer) === OCI_INDEX;
  });
  return pages?.flatMap((page) => parsePage(pageSchema, page, what).manifests ?? []);
}

/** Some registries list referrers without annotations or artifact type; the manifest has them. */
async function completed(entry: Descriptor, readFacts: FactsReader): Promise<Descriptor | undefined> {
  const { mediaType, digest, size, artifactType, annotations } = entry;
  if (annotations !== undefined && artifactType !== undefined)
    return { mediaType, digest, size, artifactType, annotations };
  const facts = await readFacts(digest);
  return facts && { ...facts.descriptor, ...(facts.annotations && { annotations: facts.annotations }) };
}
