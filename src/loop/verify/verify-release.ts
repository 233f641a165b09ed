import type { Release } from '../../versioning/index.ts';
import type { Workspace } from '../workspace.ts';
import { damagedContent } from './content.ts';
import { type Finding, startChecking } from './finding.ts';
import { checkLocks } from './locks.ts';
import { checkMirrored } from './mirrors.ts';
import { checkOrigin } from './origin.ts';
import { checkRelease } from './releases.ts';
import { checkVersionTags } from './tags.ts';

/**
 * All that is wrong with one release: its tag here and at `origin`, its lock file, what the registry has of it and every
 * byte of its model, its entries in further mirrors. Reads only, and of the model's other releases nothing; what is said
 * against it is for the caller to read.
 */
export async function verifyRelease(
  workspace: Workspace,
  { tag, lock: { model, modelManifest } }: Pick<Release, 'tag' | 'lock'>,
): Promise<Finding[]> {
  const checking = startChecking(workspace, model);
  const { attempt, repository, report, found } = checking;
  await attempt('origin', () => checkOrigin(checking, [tag]));
  for (const release of await checkVersionTags(checking, tag)) {
    await attempt(release.tag, () => checkRelease(checking, release));
    await attempt(release.tag, () => checkLocks(checking, release));
    for (const mirror of workspace.mirrors)
      await attempt(mirror.name, () => checkMirrored(checking, mirror, [release]));
  }
  const damages = await attempt(repository.name, () => damagedContent(repository, [modelManifest]));
  for (const damage of damages ?? []) report(damage);
  workspace.deps.signal.throwIfAborted();
  return found.map(({ finding }) => finding);
}
