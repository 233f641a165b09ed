import { modelConfig } from '../config/index.ts';
import { EdgeloopError, failure, misuse } from '../errors.ts';
import { type Descriptor, readArtifact, writeArtifact } from '../oci/index.ts';
import {
  deprecatedTag,
  type Deprecation,
  DEPRECATION_ARTIFACT_TYPE,
  deprecationBytes,
  parseDeprecation,
  type Release,
} from '../versioning/index.ts';
import { listReleases, requireRelease } from './releases.ts';
import { repositoryOf, requireSourceControl, type Workspace } from './workspace.ts';

export interface DeprecateResult {
  deprecation: Deprecation;
  /** False when it had been deprecated with the same words before. */
  created: boolean;
}

/**
 * Says of a release that it is not to be rolled out any more, and why. The same words again change nothing; other words
 * are added. Devices that run it go on.
 */
export async function deprecateRelease(
  workspace: Workspace,
  { model, version, why }: { model: string; version: string; why: string },
): Promise<DeprecateResult> {
  modelConfig(workspace.config, model);
  const sourceControl = requireSourceControl(workspace, 'deprecate');
  const words = checkWhy(oneLine(why));
  await workspace.versionHistory?.fetchTags(`${model}@v`);
  const release = requireRelease(await listReleases(workspace, model), { model, version });
  const { modelManifest: digest } = release.lock;
  const subject = (await repositoryOf(workspace, model).readManifest(digest))?.descriptor;
  if (subject === undefined) {
    throw failure(
      'model-missing',
      `${repositoryOf(workspace, model).name}@${digest}, which is ${model} ${version}, does not exist`,
      `Finish the release, or restore the registry: edgeloop release ${model}`,
    );
  }
  const said = (await readDeprecations(workspace, release)).find((one) => one.why === words);
  const deprecation: Deprecation = said ?? {
    schema: 'edgeloop.deprecation/v1',
    model,
    version,
    digest,
    why: words,
    date: `${workspace.deps.now().toISOString().slice(0, 19)}Z`,
    by: oneLine((await sourceControl.who()) ?? '').slice(0, 300) || null,
  };
  await write(workspace, deprecation, subject);
  return { deprecation, created: said === undefined };
}

/** All that was said against a release, the oldest first: what refers to it, and what its tag names. */
export async function readDeprecations(
  workspace: Workspace,
  { version, lock: { model, modelManifest } }: Release,
): Promise<Deprecation[]> {
  const repository = repositoryOf(workspace, model);
  const referrers = await repository.referrers(modelManifest, DEPRECATION_ARTIFACT_TYPE);
  // A registry that was copied without its referrers still has its tags.
  const tagged = await repository.resolve(deprecatedTag(version));
  const digests = new Set(
    [...referrers, ...(tagged === undefined ? [] : [tagged])].map(({ digest }) => digest),
  );
  const found = await Promise.all(
    [...digests].map(async (digest) => {
      const { bytes } = await readArtifact(repository, digest, DEPRECATION_ARTIFACT_TYPE);
      return parseDeprecation(bytes, { model, version });
    }),
  );
  return found.toSorted((a, b) => (a.date < b.date ? -1 : 1));
}

/** The tag stays with the first one, so that a registry whose tags never move takes all of them. */
async function write(workspace: Workspace, deprecation: Deprecation, subject: Descriptor): Promise<void> {
  const repository = repositoryOf(workspace, deprecation.model);
  const artifact = {
    artifactType: DEPRECATION_ARTIFACT_TYPE,
    mediaType: DEPRECATION_ARTIFACT_TYPE,
    bytes: deprecationBytes(deprecation),
    subject,
  };
  await writeArtifact(repository, artifact);
  try {
    await writeArtifact(repository, { ...artifact, tag: deprecatedTag(deprecation.version) });
  } catch (error) {
    if (!(error instanceof EdgeloopError) || error.code !== 'tag-exists') throw error;
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
}

function checkWhy(why: string): string {
  if (why !== '' && why.length <= 1000) return why;
  throw misuse(
    'why-invalid',
    why === '' ? '--why says nothing' : `--why has ${why.length} characters, and at most 1000 are kept`,
    'Say in a sentence why nobody should roll it out any more.',
  );
}
