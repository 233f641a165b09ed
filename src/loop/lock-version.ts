import { EdgeloopError, failure } from '../errors.ts';
import { indexSchema, type Locks, type Repository } from '../oci/index.ts';
import type { Lock } from '../versioning/index.ts';
import { tagsOf } from './version-tags.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/**
 * What is locked of a version, each with the digest that it has: its tags and the manifests that they name, an index's
 * parts among them. Never what moves: `X.Y`, `X`, channels.
 */
export async function lockedOf(repository: Repository, lock: Lock): Promise<Record<string, string>> {
  const tags = tagsOf(lock);
  const index = await repository.readManifest(lock.image);
  const document: unknown = index && JSON.parse(new TextDecoder().decode(index.bytes));
  // What is no index, or not there, is told elsewhere.
  const parts = indexSchema.safeParse(document).data?.manifests ?? [];
  const digests = [...Object.values(tags), ...parts.map(({ digest }) => digest)];
  return { ...tags, ...Object.fromEntries(digests.map((digest) => [digest, digest])) };
}

/** Locks a version in its registry. It can be done twice, and be cut off. */
export async function lockVersion(workspace: Workspace, locks: Locks, lock: Lock): Promise<void> {
  const { model, version } = lock;
  const repository = repositoryOf(workspace, model);
  const wanted = Object.entries(await lockedOf(repository, lock));
  for (const [at, [reference, digest]] of wanted.entries()) {
    try {
      await lockOne(locks, reference, digest);
    } catch (error) {
      workspace.deps.signal.throwIfAborted();
      if (!(error instanceof EdgeloopError)) throw error;
      const left = wanted.slice(at).map(([name]) => name);
      throw failure(
        'version-unlocked',
        `of ${model} ${version} this is not locked in ${repository.name}: ${left.join(', ')}`,
        `${error.remedy} Then finish it: edgeloop release ${model}`,
        { cause: error },
      );
    }
  }
}

/** Locks a tag or manifest that has this digest, and no other. */
export async function lockOne(locks: Locks, reference: string, digest: string): Promise<void> {
  const before = await locks.read(reference);
  if (before?.digest !== digest) throw notOurs(reference, digest, before?.digest);
  if (before.isLocked) return;
  const { digest: now, isLocked } = await locks.lock(reference);
  if (now !== digest) throw notOurs(reference, digest, now);
  if (isLocked) return;
  throw failure(
    'registry-lock-failed',
    `the registry took the lock of ${reference}, and says that it has none`,
    'Look at its attributes with "az acr repository show".',
  );
}

function notOurs(reference: string, digest: string, found: string | undefined): EdgeloopError {
  return failure(
    'tag-exists',
    `${reference} is ${found ?? 'not there'}, and not ${digest}`,
    'Find out who wrote it, and delete it there.',
  );
}
