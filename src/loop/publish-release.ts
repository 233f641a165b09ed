import { failure } from '../errors.ts';
import { buildImage, type BuiltImage, pushImage, type Repository } from '../oci/index.ts';
import { type Lock, lockBytes, lockPath, versionTag } from '../versioning/index.ts';
import { openBaseImage } from './base-image.ts';
import type { Candidate } from './candidate.ts';
import { listReleases, type Release } from './releases.ts';
import { repositoryOf, requireSourceControl, requireVersionHistory, type Workspace } from './workspace.ts';

/**
 * Gives a version its commit and its tag, which is the compare-and-swap: from then on it is released, and what follows
 * can be made again from it. `undefined` when another release has that tag.
 */
export async function tagRelease(workspace: Workspace, lock: Lock): Promise<Release | undefined> {
  const { model, version } = lock;
  const history = requireVersionHistory(workspace, 'release');
  const tag = versionTag(model, version);
  const now = workspace.deps.now();
  const files = [{ path: lockPath(model), bytes: lockBytes(lock) }];
  begin(workspace, model, 'commit');
  const head = await requireSourceControl(workspace, 'release').head();
  const commit = await history.commit(head, files, `${model} ${version}`, now);
  begin(workspace, model, 'tag');
  const isOurs = await history.createTag({ name: tag, commit, message: tagMessage(lock) });
  return isOurs ? { version, lock, tag, commit, date: now.toISOString() } : undefined;
}

/** Makes registry and mirrors say what the lock file says, and reads it back. Every step can be done again. */
export async function publishRelease(
  workspace: Workspace,
  release: Release,
  candidate: Candidate,
): Promise<void> {
  const { lock } = release;
  const { model, version } = lock;
  const repository = repositoryOf(workspace, model);
  const image = await imageOf(workspace, candidate, lock);
  if (image.index.descriptor.digest !== lock.image) {
    throw disagreement(
      `the image of ${model} ${version} is ${image.index.descriptor.digest} now, not ${lock.image}`,
    );
  }
  const manifest = await repository.readManifest(candidate.descriptor.digest);
  if (manifest === undefined) throw disagreement(`${repository.name} lost ${candidate.descriptor.digest}`);
  begin(workspace, model, 'model tag');
  await repository.writeManifest(manifest.bytes, { tag: `${version}-model` });
  begin(workspace, model, 'image');
  await pushImage(repository, image, [version]);
  begin(workspace, model, 'moving tags');
  await moveShortTags(workspace, repository, image, lock);
  begin(workspace, model, 'mirrors');
  for (const mirror of workspace.mirrors) await mirror.write(release);
  begin(workspace, model, 'read back');
  await readBack(repository, { [version]: lock.image, [`${version}-model`]: lock.modelManifest });
}

/** Tells which step of the sequence comes now. */
function begin(workspace: Workspace, model: string, step: string): void {
  workspace.deps.log('debug', `release ${model}: ${step}`, { step });
}

/** The image that a lock file means. */
export async function imageOf(
  workspace: Workspace,
  candidate: Candidate,
  { model, version, base }: Pick<Lock, 'model' | 'version' | 'base'>,
): Promise<BuiltImage> {
  return buildImage(repositoryOf(workspace, model), candidate.descriptor, {
    model,
    version,
    ...(base !== undefined && { base: await openBaseImage(workspace, base) }),
  });
}

function tagMessage(lock: Lock): string {
  const trailers = {
    'Model-Manifest': lock.modelManifest,
    Image: lock.image,
    ...(lock.base !== undefined && { 'Base-Image': lock.base }),
    'Input-Key': lock.inputKey,
    Dataset: lock.dataset,
    Verdict: lock.verdict,
    Champion: lock.champion ?? 'none',
    'Trained-Commit': lock.trainedCommit ?? 'none',
  };
  const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}`);
  return `${lock.model} ${lock.version}\n\n${lock.reasons.map((reason) => `- ${reason}`).join('\n')}\n\n${lines.join('\n')}`;
}

/** `X.Y` and `X` follow the highest version: finishing an older release must not take them back. */
async function moveShortTags(
  workspace: Workspace,
  repository: Repository,
  image: BuiltImage,
  lock: Lock,
): Promise<void> {
  const [major = '', minor = ''] = lock.version.split('.');
  const releases = await listReleases(workspace, lock.model);
  const highest = (prefix: string) =>
    releases.find(({ version }) => version.startsWith(prefix))?.version ?? lock.version;
  const short = [`${major}.${minor}`, major].filter((tag) => highest(`${tag}.`) === lock.version);
  if (short.length > 0) await pushImage(repository, image, short);
}

async function readBack(repository: Repository, expected: Record<string, string>): Promise<void> {
  for (const [tag, digest] of Object.entries(expected)) {
    const found = await repository.resolve(tag);
    if (found?.digest !== digest) {
      throw disagreement(
        `${repository.name} ${tag} is ${found?.digest ?? 'absent'} after it was written, not ${digest}`,
      );
    }
  }
}

function disagreement(what: string): Error {
  return failure(
    'release-inconsistent',
    what,
    'Look at both with `edgeloop status` and `git show`; a released version is never moved.',
  );
}
