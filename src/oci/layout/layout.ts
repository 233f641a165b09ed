import { join, resolve } from 'node:path';
import type { Descriptor } from '../descriptor.ts';
import { streamOf } from '../durable-file.ts';
import { blobMissing, blobPath, blobSize, prepareLayout, readBlobFile, writeBlobFile } from './blobs.ts';
import { editIndex, indexReader, listManifest, tagOf } from './index-file.ts';
import { checkManifestSize, type ManifestFacts, readManifestFacts } from '../manifest-reading.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import { checkModelName } from '../model/model-name.ts';
import { isTag } from '../reference.ts';
import type { Registry, Repository } from '../repository.ts';
import { tagInvalid } from '../tag-errors.ts';

/** A folder with one OCI image layout per model, `<folder>/<model>`. Nothing is created before something is written. */
export function openLayoutRegistry(folder: string): Registry {
  return {
    name: `oci:${folder}`,
    repository(model) {
      checkModelName(model);
      return openLayoutRepository(join(folder, model));
    },
  };
}

/**
 * One OCI image layout (image-spec 1.1, image-layout.md) as a repository: tags are annotations in `index.json`, every
 * manifest is listed there, and referrers are found by the manifests' `subject`. Safe with several writers.
 */
export function openLayoutRepository(folder: string): Repository {
  const root = resolve(folder);
  const name = `oci:${folder}`;
  const readIndex = indexReader(root);
  const readFacts = factsReader(root);
  const entries = async (): Promise<Descriptor[]> => (await readIndex())?.manifests ?? [];
  const resolveTag = async (tag: string): Promise<Descriptor | undefined> =>
    (await entries()).find((entry) => tagOf(entry) === tag);

  return {
    name,
    hasBlob: async (digest) => (await blobSize(root, digest)) !== undefined,
    readBlob: (descriptor, options) => readBlobFile(root, descriptor, options),
    async writeBlob(source, { signal } = {}) {
      await prepareLayout(root);
      return writeBlobFile(root, source, signal);
    },
    async readManifest(reference) {
      const digest = reference.startsWith('sha256:') ? reference : (await resolveTag(reference))?.digest;
      if (digest === undefined) return undefined;
      const size = await blobSize(root, digest);
      if (size !== undefined) return readManifestBlob(root, digest, size);
      if ((await entries()).some((entry) => entry.digest === digest)) throw blobMissing(root, digest);
      return undefined;
    },
    async writeManifest(bytes, options = {}) {
      if (options.tag !== undefined && !isTag(options.tag)) throw tagInvalid(options.tag);
      const facts = readManifestFacts(bytes, 'the manifest to write');
      const { descriptor } = facts;
      await prepareLayout(root);
      await requireContent(root, facts);
      // Asked before anything is written, and again under the lock.
      listManifest({ schemaVersion: 2, manifests: await entries() }, descriptor, options, name);
      await writeBlobFile(root, { descriptor, open: () => streamOf(bytes) });
      await editIndex(root, (index) => listManifest(index, descriptor, options, name));
      return descriptor;
    },
    async resolve(tag) {
      const entry = await resolveTag(tag);
      return entry && withoutTag(entry);
    },
    tags: async () => (await entries()).flatMap((entry) => tagOf(entry) ?? []).toSorted(),
    async referrers(digest, artifactType) {
      const found = new Map<string, Descriptor>();
      for (const entry of await entries()) {
        if (entry.mediaType !== OCI_MANIFEST && entry.mediaType !== OCI_INDEX) continue;
        const { subject, descriptor, annotations } = await readFacts(entry.digest);
        if (subject !== digest || (artifactType !== undefined && descriptor.artifactType !== artifactType))
          continue;
        found.set(entry.digest, { ...descriptor, ...(annotations && { annotations }) });
      }
      return [...found.values()];
    },
  };
}

/** Reads facts of manifests by digest; what was read once is remembered, since a digest's content never changes. */
function factsReader(root: string): (digest: string) => Promise<ManifestFacts> {
  const known = new Map<string, ManifestFacts>();
  return async (digest) => {
    const facts = known.get(digest) ?? (await loadFacts(root, digest));
    known.set(digest, facts);
    return facts;
  };
}

async function loadFacts(root: string, digest: string): Promise<ManifestFacts> {
  const size = await blobSize(root, digest);
  if (size === undefined) throw blobMissing(root, digest);
  const { bytes } = await readManifestBlob(root, digest, size);
  return readManifestFacts(bytes, join(root, blobPath(digest)));
}

async function readManifestBlob(
  root: string,
  digest: string,
  size: number,
): Promise<{ descriptor: Descriptor; bytes: Uint8Array }> {
  const file = join(root, blobPath(digest));
  checkManifestSize(size, file);
  const bytes = Buffer.concat(await Array.fromAsync(readBlobFile(root, { mediaType: '', digest, size })));
  return { descriptor: readManifestFacts(bytes, file).descriptor, bytes };
}

/** As registries do: a manifest is taken only when everything that it names is there (its subject need not be). */
async function requireContent(root: string, facts: ManifestFacts): Promise<void> {
  for (const { digest, size } of [...facts.blobs, ...facts.manifests]) {
    if ((await blobSize(root, digest)) !== size) throw blobMissing(root, digest);
  }
}

function withoutTag(entry: Descriptor): Descriptor {
  const { annotations: _, ...descriptor } = entry;
  return descriptor;
}
