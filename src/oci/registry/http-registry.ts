import { EdgeloopError } from '../../errors.ts';
import { readManifestFacts } from '../manifest-reading.ts';
import { checkModelName } from '../model/model-name.ts';
import { isTag } from '../reference.ts';
import type { Registry, Repository } from '../repository.ts';
import { tagExists, tagInvalid, tagNotMoved } from '../tag-errors.ts';
import { hasBlob, readBlob } from './blobs-download.ts';
import { writeBlob } from './blobs-upload.ts';
import { endpointOf, type HttpRegistrySettings, type Place, placeOf, placeUntil } from './endpoint.ts';
import { digestOfTag, putManifest, readManifest } from './manifests.ts';
import { addToFallback, isFallbackTag } from './referrers-fallback.ts';
import { factsReader, readReferrers } from './referrers.ts';
import { readTags } from './tags.ts';

/** Codes of what a registry means to refuse the next time, too. */
const REFUSALS: ReadonlySet<string> = new Set(['registry-denied', 'registry-failed']);

/** A registry by distribution-spec 1.1, with one repository `<prefix>/<model>` per model. Asks nothing until it is used. */
export function openHttpRegistry(settings: HttpRegistrySettings): Registry {
  const endpoint = endpointOf(settings);
  const { host, prefix } = settings;
  return {
    name: prefix === '' ? host : `${host}/${prefix}`,
    repository(model) {
      checkModelName(model);
      return repositoryAt(placeOf(endpoint, prefix === '' ? model : `${prefix}/${model}`));
    },
  };
}

/** One repository of a registry by its whole name, which need not end in a model's. */
export function openHttpRepository(
  repository: string,
  settings: Omit<HttpRegistrySettings, 'prefix'>,
): Repository {
  return repositoryAt(placeOf(endpointOf({ ...settings, prefix: '' }), repository));
}

function repositoryAt(place: Place): Repository {
  const readFacts = factsReader(place);
  const inTurn = oneAfterAnother();
  return {
    name: place.name,
    hasBlob: (digest) => hasBlob(place, digest),
    readBlob: (descriptor, { beginning, signal } = {}) =>
      readBlob(placeUntil(place, signal), descriptor, beginning),
    writeBlob: (source, { signal } = {}) => writeBlob(placeUntil(place, signal), source),
    readManifest: (reference) => readManifest(place, reference),
    async writeManifest(bytes, options = {}) {
      const { tag, moveTag = false } = options;
      if (tag !== undefined && (!isTag(tag) || isFallbackTag(tag))) throw tagInvalid(tag);
      const facts = readManifestFacts(bytes, 'the manifest to write');
      const { descriptor, subject } = facts;
      // Asked before anything is written, and again after: a registry cannot give a tag only once.
      const current = tag === undefined ? undefined : await digestOfTag(place, tag);
      if (tag !== undefined && current !== undefined && current !== descriptor.digest && !moveTag)
        throw tagExists(place.name, tag, current, descriptor);
      const headers = await putManifest(place, descriptor.digest, facts, bytes);
      if (subject !== undefined && headers['oci-subject'] === undefined)
        await inTurn(() => addToFallback(place, subject, facts));
      if (tag === undefined || current === descriptor.digest) return descriptor;
      await putManifest(place, tag, facts, bytes).catch((error: unknown) => {
        const isRefused = error instanceof EdgeloopError && REFUSALS.has(error.code);
        throw isRefused && current !== undefined ? tagNotMoved(place.name, tag, current, error) : error;
      });
      const now = await digestOfTag(place, tag);
      if (now !== descriptor.digest) throw tagExists(place.name, tag, now ?? 'nothing', descriptor);
      return descriptor;
    },
    resolve: async (tag) => (isTag(tag) ? (await readManifest(place, tag))?.descriptor : undefined),
    tags: () => readTags(place),
    referrers: (digest, artifactType) => readReferrers(place, readFacts, digest, artifactType),
  };
}

/** Runs what changes the same thing one after another, so that at least this process never overwrites itself. */
function oneAfterAnother(): (run: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (run) => {
    const next = last.then(run);
    last = next.catch(() => {});
    return next;
  };
}
