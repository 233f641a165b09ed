import { modelConfig } from '../config/index.ts';
import { misuse } from '../errors.ts';
import type { Release } from '../versioning/index.ts';
import { listReleases, requireRelease } from './releases.ts';
import { repositoryOf, requireVersionHistory, type Workspace } from './workspace.ts';

/** A release by its model and version, or by the digest of its ModelPack manifest or image. */
export type ReleaseName = { model: string; version: string } | { digest: string };

/** A release among all of its model. */
export interface FoundRelease {
  release: Release;
  /** The highest version first. */
  releases: Release[];
}

/** The release that is meant. Throws the misuses `release-unknown` and `digest-unknown`. */
export async function findRelease(workspace: Workspace, name: ReleaseName): Promise<FoundRelease> {
  requireVersionHistory(workspace, 'status');
  if ('digest' in name) return findByDigest(workspace, name.digest);
  modelConfig(workspace.config, name.model);
  const releases = await listReleases(workspace, name.model);
  return { release: requireRelease(releases, name), releases };
}

async function findByDigest(workspace: Workspace, digest: string): Promise<FoundRelease> {
  const models = Object.keys(workspace.config.models);
  for (const model of models) {
    const releases = await listReleases(workspace, model);
    const release = releases.find(({ lock }) => lock.modelManifest === digest || lock.image === digest);
    if (release !== undefined) return { release, releases };
  }
  const holders = await Promise.all(
    models.map(async (model) =>
      (await repositoryOf(workspace, model).readManifest(digest)) === undefined ? [] : [model],
    ),
  );
  const [holder] = holders.flat();
  throw misuse(
    'digest-unknown',
    holder === undefined
      ? `no release of ${models.join(', ')} is ${digest}`
      : `${digest} is in the registry of ${holder}, but no release is it`,
    "A device tells the model's digest: edgeloop device status --json. If the release was made elsewhere, fetch the tags: git fetch origin '+refs/tags/*:refs/tags/*'",
  );
}
