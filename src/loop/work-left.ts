import { type Plan } from './plan.ts';
import { listReleases } from './releases.ts';
import type { Workspace } from './workspace.ts';

/**
 * Whether the loop has something to do for a model on its main branch: train, judge and release what no version has yet,
 * or roll out a version that the first channel has never named. A version that was rolled back is neither.
 */
export async function isWorkLeft(
  workspace: Workspace,
  { identity, decision, candidate }: Plan,
): Promise<boolean> {
  if (decision === 'train' || workspace.versionHistory === undefined) return decision !== 'unchanged';
  const { model } = identity;
  const [channel = ''] = workspace.config.channels;
  // All that verifies and judges comes with it, and most plans end above.
  const { rolloutTarget } = await import('./rollout.ts');
  const { release } = await rolloutTarget(workspace, { model, channel, version: undefined });
  if (release !== undefined || decision === 'unchanged') return release !== undefined;
  const releases = await listReleases(workspace, model);
  return !releases.some(({ lock }) => lock.modelManifest === candidate?.digest);
}
