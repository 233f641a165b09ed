import type { Level } from '../../versioning/index.ts';
import { connectToGitHub, isOwnCheckout } from '../on-github.ts';
import { listReleases } from '../releases.ts';
import { requireSourceControl, requireVersionHistory, type Workspace } from '../workspace.ts';

/**
 * What labels ask for on the pull requests that were merged since the highest release of a model was made, at the
 * checked-out commit. Throws coded failures only: a release must not be lower than what somebody asked for.
 */
export async function labelledBump(workspace: Workspace, model: string): Promise<Level | undefined> {
  const { deps } = workspace;
  const sourceControl = requireSourceControl(workspace, 'release');
  // The pull requests of the workflow's repository say nothing about another one.
  if (!(await isOwnCheckout(sourceControl, deps.environment))) return undefined;
  const head = await sourceControl.head();
  await requireVersionHistory(workspace, 'release').fetchTags(`${model}@v`);
  const [highest] = await listReleases(workspace, model);
  const client = await connectToGitHub(deps, `the labels of ${model}'s next release`);
  const { mergedPullRequests } = await import('../../github/index.ts');
  // The release's own commit is on no branch, and has as its parent the commit that was released: what `head` has and
  // the one lacks, the other lacks as well.
  const range = { base: highest?.commit, head };
  const { pullRequests, passedOver } = await mergedPullRequests(client, range);
  if (passedOver > 0) {
    const words = `${passedOver} older commits since ${highest?.tag} were not asked for labels; raise the bump by hand if their pull requests have one`;
    deps.log('warn', words);
  }
  for (const { number, labels } of pullRequests) {
    const asked = bumpOfLabels(labels);
    if (asked !== undefined) deps.log('info', `pull request #${number} asks for a ${asked} version`);
  }
  return bumpOfLabels(pullRequests.flatMap(({ labels }) => labels));
}

/** The highest level that labels ask for: `edgeloop:minor`, `edgeloop:major`. */
export function bumpOfLabels(labels: readonly string[]): Level | undefined {
  if (labels.includes('edgeloop:major')) return 'major';
  return labels.includes('edgeloop:minor') ? 'minor' : undefined;
}
