import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../errors.ts';
import { encodeJson } from '../canonical-json.ts';
import { type Descriptor, indexSchema } from '../descriptor.ts';
import { type ManifestFacts, parseManifest, readManifestFacts } from '../manifest-reading.ts';
import { OCI_INDEX } from '../media-types.ts';
import type { Place } from './endpoint.ts';
import { putManifest, readManifest } from './manifests.ts';

const MOST_TRIES = 8;
/** At least and at most so long it takes until it is looked whether another writer has overwritten it, milliseconds. */
const SETTLE_MS = [100, 300] as const;

/** True for a tag that is a list of referrers (distribution-spec 1.1, "Referrers Tag Schema"). */
export function isFallbackTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}$/.test(tag);
}

/** The referrers that are listed under a subject's fallback tag. */
export async function readFallback(place: Place, subject: string): Promise<Descriptor[]> {
  const tag = subject.replace(':', '-');
  const found = await readManifest(place, tag);
  if (found === undefined) return [];
  return parseManifest(indexSchema, found.bytes, `${place.name}:${tag}`).manifests;
}

/**
 * Lists a manifest under its subject's fallback tag. Registries that need this have no compare-and-swap, so it is read
 * back after a moment and done again when another writer has overwritten it. Throws `referrers-contended`.
 */
export async function addToFallback(place: Place, subject: string, facts: ManifestFacts): Promise<void> {
  const { descriptor, annotations } = facts;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const listed = await readFallback(place, subject);
    if (listed.some((entry) => entry.digest === descriptor.digest)) return;
    const manifests = [...listed, { ...descriptor, ...(annotations && { annotations }) }];
    const bytes = encodeJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
    const tag = subject.replace(':', '-');
    await putManifest(place, tag, readManifestFacts(bytes, `${place.name}:${tag}`), bytes);
    // Long enough for whoever had read the list before to have written it; at random, so that two do not meet again.
    await sleep(SETTLE_MS[0] + Math.random() * (SETTLE_MS[1] - SETTLE_MS[0]));
  }
  throw failure(
    'referrers-contended',
    `${descriptor.digest} could not be listed as a referrer of ${subject} in ${place.name}: others keep overwriting it`,
    'Run it again when fewer write there at the same time.',
  );
}
