import { deprecatedTag, deprecatedVersions } from '../../versioning/index.ts';
import type { Workspace } from '../workspace.ts';
import { checkChannels } from './channels.ts';
import { damagedContent } from './content.ts';
import { checkDeprecations } from './deprecations.ts';
import { type Checking, type CheckingAll, type Finding, type Repairable, startChecking } from './finding.ts';
import { checkLocks, listLocks } from './locks.ts';
import { checkMirrored, checkUnknown } from './mirrors.ts';
import { checkOrigin } from './origin.ts';
import { checkRegistryTags } from './registry-tags.ts';
import { checkRelease } from './releases.ts';
import { checkVersionTags } from './tags.ts';

/** Compares what git, registry, channels and mirrors say of a model, both ways, and reads every byte that they name. */
export async function verifyModel(workspace: Workspace, model: string): Promise<Finding[]> {
  const { checking } = await compareModel(workspace, model);
  const { attempt, repository, report, found } = checking;
  const damages = await attempt(repository.name, () => damagedContent(repository));
  for (const damage of damages ?? []) report(damage);
  // What Ctrl-C has ended, a git for example, is no finding.
  workspace.deps.signal.throwIfAborted();
  return found.map(({ finding }) => finding);
}

export interface Compared {
  /** With what was found, in the order in which it is to be mended. */
  checking: Checking & { found: Repairable[] };
  /** False when `origin` could not be reached: there may be newer tags than those here. */
  complete: boolean;
  /** Tags that are to be fetched before anything else can be told. */
  unfetched: ReadonlySet<string>;
}

/** The same without reading weights. */
export async function compareModel(workspace: Workspace, model: string): Promise<Compared> {
  const checking = startChecking(workspace, model);
  const { attempt } = checking;
  const atOrigin = await attempt('origin', () => checkOrigin(checking, [`${model}@v*`, `${model}#*`]));
  const unfetched = atOrigin ?? new Set<string>();
  const releases = (await attempt('git tags', () => checkVersionTags(checking))) ?? [];
  const locks = await attempt(checking.repository.name, () => listLocks(checking));
  for (const release of releases) {
    await attempt(release.tag, () => checkRelease(checking, release));
    if (locks !== undefined) await attempt(release.tag, () => checkLocks(checking, release, locks));
    await attempt(deprecatedTag(release.version), () => checkDeprecations(checking, release));
  }
  const tags = await attempt(checking.repository.name, () => checking.repository.tags());
  const deprecated = deprecatedVersions(tags ?? []);
  const all: CheckingAll = { ...checking, releases, unfetched, deprecated };
  await attempt(checking.repository.name, () => checkRegistryTags(all));
  await checkChannels(all);
  const versions = new Set(releases.map(({ version }) => version));
  for (const mirror of workspace.mirrors) {
    await attempt(mirror.name, () => checkMirrored(checking, mirror, releases));
    await attempt(mirror.name, () => checkUnknown(checking, mirror, versions));
  }
  workspace.deps.signal.throwIfAborted();
  return { checking, complete: atOrigin !== undefined, unfetched };
}
