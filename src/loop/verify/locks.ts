import type { LockState } from '../../oci/index.ts';
import type { Release } from '../../versioning/index.ts';
import { lockedOf, lockOne } from '../lock-version.ts';
import type { Checking } from './finding.ts';

/** The locks of all that is in the repository; undefined for a registry that has none. */
export async function listLocks({ workspace, model }: Checking) {
  const locks = await workspace.locks?.(model);
  return locks?.list();
}

/**
 * In a registry that has locks, nobody can move or delete what means a version. What names something else is told apart.
 * Without `listed` each lock is asked for by itself.
 */
export async function checkLocks(
  checking: Checking,
  { lock, tag }: Release,
  listed?: ReadonlyMap<string, LockState>,
): Promise<void> {
  const { workspace, model, repository, report } = checking;
  const locks = await workspace.locks?.(model);
  if (locks === undefined) return;
  for (const [reference, digest] of Object.entries(await lockedOf(repository, lock))) {
    const state = listed === undefined ? await locks.read(reference) : listed.get(reference);
    if (state === undefined || state.digest !== digest || state.isLocked) continue;
    const message = `${tag} means it for ever, and in ${repository.name} it can be moved or deleted`;
    const values = { wanted: 'locked', registry: 'not locked' };
    const mend = `Run: edgeloop verify ${model} --repair`;
    const code = reference === digest ? 'manifest-unlocked' : 'tag-unlocked';
    report({ code, subject: reference, message, values, mend }, async () => {
      await lockOne(locks, reference, digest);
      return `${reference} is locked`;
    });
  }
}
