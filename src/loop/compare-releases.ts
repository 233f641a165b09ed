import { findRelease } from './find-release.ts';
import { type Lineage, readLineage } from './lineage.ts';
import { diffReleases, type ReleaseDiff } from './release-diff.ts';
import type { Workspace } from './workspace.ts';

/** Two releases and what differs. */
export interface ReadDiff {
  from: Lineage;
  to: Lineage;
  diff: ReleaseDiff;
}

/** Reads two releases, of one model or of two, and compares what was recorded of them. */
export async function readDiff(
  workspace: Workspace,
  before: { model: string; version: string },
  after: { model: string; version: string },
): Promise<ReadDiff> {
  const [one, other] = [await findRelease(workspace, before), await findRelease(workspace, after)];
  const [from, to] = [await readLineage(workspace, one), await readLineage(workspace, other)];
  return { from, to, diff: diffReleases(from, to) };
}
