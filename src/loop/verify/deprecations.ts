import { readArtifact } from '../../oci/index.ts';
import {
  deprecatedTag,
  DEPRECATION_ARTIFACT_TYPE,
  parseDeprecation,
  type Release,
} from '../../versioning/index.ts';
import type { Checking } from './finding.ts';

/** What was said against a release is among its referrers, and one listing of tags says that there is something. */
export async function checkDeprecations(
  checking: Checking,
  { version, lock: { model, modelManifest } }: Release,
): Promise<void> {
  const { repository, report } = checking;
  const subject = deprecatedTag(version);
  const tagged = await repository.resolve(subject);
  const listed = await repository.referrers(modelManifest, DEPRECATION_ARTIFACT_TYPE);
  const values = {
    tag: tagged?.digest ?? null,
    referrers: listed.map(({ digest }) => digest).join(', ') || null,
  };
  const mend = `Run: edgeloop verify ${model} --repair`;
  if (tagged === undefined && listed.length > 0) {
    const message = `${version} was deprecated, and no tag says so`;
    report({ code: 'deprecation-untagged', subject, message, values, mend }, () =>
      tagFirst(checking, version, listed),
    );
  }
  if (tagged === undefined || listed.some(({ digest }) => digest === tagged.digest)) return;
  const message = `it names ${tagged.digest}, which is not among the referrers of ${modelManifest}`;
  const { bytes, subject: of } = await readArtifact(repository, tagged, DEPRECATION_ARTIFACT_TYPE);
  parseDeprecation(bytes, { model, version });
  if (of?.digest !== modelManifest) {
    const unsettled = 'Find out who wrote it, delete it, and deprecate the version again if it is to be.';
    report({ code: 'deprecation-misplaced', subject, message, values, mend: unsettled });
    return;
  }
  // A registry lists a manifest that has a subject when it takes it.
  report({ code: 'referrer-unlisted', subject, message, values, mend }, async () => {
    const found = await repository.readManifest(tagged.digest);
    if (found === undefined) return undefined;
    await repository.writeManifest(found.bytes);
    return `the deprecation ${tagged.digest} is listed again as a referrer of ${modelManifest}`;
  });
}

/** The tag stays with the oldest. */
async function tagFirst(
  { repository, model }: Checking,
  version: string,
  listed: readonly { digest: string }[],
): Promise<string | undefined> {
  const dated = await Promise.all(
    listed.map(async ({ digest }) => {
      const { bytes } = await readArtifact(repository, digest, DEPRECATION_ARTIFACT_TYPE);
      return { digest, date: parseDeprecation(bytes, { model, version }).date };
    }),
  );
  const [first] = dated.toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const found = first && (await repository.readManifest(first.digest));
  if (found === undefined) return undefined;
  await repository.writeManifest(found.bytes, { tag: deprecatedTag(version) });
  return `the tag ${deprecatedTag(version)} names ${first?.digest ?? ''} again`;
}
