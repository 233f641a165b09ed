import { failure } from '../errors.ts';
import { buildImage, type BuiltImage, type Descriptor, pushImage, type Repository } from '../oci/index.ts';
import { type Lock, lockBytes, lockPath, tagMessage, versionTag, type Release } from '../versioning/index.ts';
import { openBaseImage } from './base-image.ts';
import type { Candidate } from './candidate.ts';
import { lockVersion } from './lock-version.ts';
import { listReleases } from './releases.ts';
import { movingTagsOf, tagsOf } from './version-tags.ts';
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
  // A version whose tags cannot be written would stay unfinished for ever.
  await requireOwnTags(workspace, lock);
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
  const image = await imageOf(workspace, candidate.descriptor, lock);
  if (image.index.descriptor.digest !== lock.image) {
    throw disagreement(
      `the image of ${model} ${version} is ${image.index.descriptor.digest} now, not ${lock.image}`,
    );
  }
  const manifest = await repository.readManifest(candidate.descriptor.digest);
  if (manifest === undefined) throw disagreement(`${repository.name} lost ${candidate.descriptor.digest}`);
  await requireOwnTags(workspace, lock);
  begin(workspace, model, 'model tag');
  await repository.writeManifest(manifest.bytes, { tag: `${version}-model` });
  begin(workspace, model, 'image');
  await pushImage(repository, image, [version]);
  begin(workspace, model, 'moving tags');
  await moveShortTags(workspace, lock);
  if (workspace.locks !== undefined) {
    begin(workspace, model, 'locks');
    await lockVersion(workspace, await workspace.locks(model), lock);
  }
  begin(workspace, model, 'mirrors');
  for (const mirror of workspace.mirrors) await mirror.write(release);
  begin(workspace, model, 'read back');
  await readBack(repository, tagsOf(lock));
}

/** Tells which step of the sequence comes now. */
function begin(workspace: Workspace, model: string, step: string): void {
  workspace.deps.log('debug', `release ${model}: ${step}`, { step });
}

/** The image that a lock file means. */
export async function imageOf(
  workspace: Workspace,
  modelManifest: Pick<Descriptor, 'digest'>,
  { model, version, base }: Pick<Lock, 'model' | 'version' | 'base'>,
): Promise<BuiltImage> {
  return buildImage(repositoryOf(workspace, model), modelManifest, {
    model,
    version,
    ...(base !== undefined && { base: await openBaseImage(workspace, base) }),
  });
}

/**
 * `X.Y` and `X` follow the highest version that git knows. A registry cannot compare and swap, and a higher version may
 * be released at the same time: each release looks at git again after it has written, so that the last one sees all.
 */
async function moveShortTags(workspace: Workspace, { model, version }: Lock): Promise<void> {
  const repository = repositoryOf(workspace, model);
  const written = new Map<string, string>();
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    await requireVersionHistory(workspace, 'release').fetchTags(`${model}@v`);
    const releases = await listReleases(workspace, model);
    for (const tag of movingTagsOf(version)) {
      const highest = releases.find((release) => release.version.startsWith(`${tag}.`));
      if (highest === undefined || written.get(tag) === highest.lock.image) continue;
      const index = await repository.readManifest(highest.lock.image);
      // Not there yet: whoever puts it there moves the tag.
      if (index === undefined) continue;
      await repository.writeManifest(index.bytes, { tag, moveTag: true });
      written.set(tag, highest.lock.image);
      isSettled = false;
    }
  }
}

/** Nobody else has given the version's tags to something else. */
async function requireOwnTags(workspace: Workspace, lock: Lock): Promise<void> {
  const { model, version } = lock;
  const repository = repositoryOf(workspace, model);
  for (const [tag, digest] of Object.entries(tagsOf(lock))) {
    const found = await repository.resolve(tag);
    if (found === undefined || found.digest === digest) continue;
    throw failure(
      'tag-exists',
      `${repository.name} has the tag ${tag} already, for ${found.digest}; of ${model} ${version} it would be ${digest}`,
      'Find out who wrote it. Delete it there and run this again, or pass over a version that is not in git yet with --bump.',
    );
  }
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
