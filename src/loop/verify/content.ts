import { EdgeloopError, failure, messageOf } from '../../errors.ts';
import { type Descriptor, indexSchema, manifestSchema, OCI_INDEX, type Repository } from '../../oci/index.ts';

/** Content of a repository that is missing or is not what its digest says. */
export interface Damage {
  code: string;
  subject: string;
  message: string;
  mend: string;
}

/**
 * Reads every manifest and blob that the repository's tags (or these manifests) reach, referrers included, and checks
 * each digest.
 */
export async function damagedContent(repository: Repository, manifests?: string[]): Promise<Damage[]> {
  const damages: Damage[] = [];
  const seen = new Set<string>();
  const attempt = async (digest: string, read: () => Promise<void>) => {
    if (seen.has(digest)) return;
    seen.add(digest);
    try {
      await read();
    } catch (error) {
      if (!(error instanceof EdgeloopError)) throw error;
      damages.push({ code: error.code, subject: digest, message: messageOf(error), mend: error.remedy });
    }
  };
  const readBlob = (blob: Descriptor) =>
    attempt(blob.digest, async () => {
      for await (const chunk of repository.readBlob(blob)) void chunk;
    });
  const readManifest = (digest: string): Promise<void> =>
    attempt(digest, async () => {
      const found = await repository.readManifest(digest);
      if (found === undefined) throw manifestMissing(repository, digest);
      const document: unknown = JSON.parse(new TextDecoder().decode(found.bytes));
      if (found.descriptor.mediaType === OCI_INDEX) {
        for (const child of indexSchema.parse(document).manifests) await readManifest(child.digest);
      } else {
        const { config, layers } = manifestSchema.parse(document);
        for (const blob of [config, ...layers]) await readBlob(blob);
      }
      for (const referrer of await repository.referrers(digest)) await readManifest(referrer.digest);
    });
  for (const reference of manifests ?? (await repository.tags())) {
    const digest = manifests === undefined ? (await repository.resolve(reference))?.digest : reference;
    if (digest !== undefined) await readManifest(digest);
  }
  return damages;
}

function manifestMissing({ name }: Repository, digest: string): Error {
  return failure(
    'manifest-missing',
    `${name} does not have ${digest}, which it names`,
    'Copy it back by its digest from another registry or a backup.',
  );
}
