import { failure } from '../errors.ts';
import { parseVerdict, VERDICT_MEDIA_TYPE } from '../evaluation/index.ts';
import type { ReleasePages } from '../github/index.ts';
import { formatReference, parseReference, readArtifact } from '../oci/index.ts';
import { manifestOnReleasePage, renderReleasePage, renderReport } from '../report/index.ts';
import { parseModelTag, type Release } from '../versioning/index.ts';
import type { Mirror } from './mirror.ts';
import { connectToGitHub } from './on-github.ts';
import { listReleases } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** The releases of the repository on GitHub: a page for each version, by its git tag. */
export function gitHubReleases(workspace: Workspace): Mirror {
  const name = `GitHub releases of ${workspace.deps.environment['GITHUB_REPOSITORY'] ?? 'this repository'}`;
  const open = async (): Promise<ReleasePages> => {
    const asked = `"github.releases" in ${workspace.config.file}`;
    const client = await connectToGitHub(workspace.deps, asked);
    return (await import('../github/index.ts')).openReleasePages(client);
  };
  return {
    name,
    async read(model) {
      const pages = await (await open()).list();
      return pages.flatMap(({ tag, body }) => {
        const named = parseModelTag(tag);
        if (named?.kind !== 'version' || named.model !== model) return [];
        return [{ version: named.version, digest: manifestOnReleasePage(body) }];
      });
    },
    async write(release) {
      const pages = await open();
      const found = await pages.find(release.tag);
      if (found === undefined && (await pages.create(await pageOf(workspace, release)))) return;
      const digest = manifestOnReleasePage((found ?? (await pages.find(release.tag)))?.body ?? '');
      if (digest === release.lock.modelManifest) return;
      throw failure(
        'mirror-disagrees',
        `${name}: ${release.tag} names ${digest ?? 'no ModelPack manifest'}, not ${release.lock.modelManifest}`,
        `See who wrote it; then have it written anew: edgeloop verify ${release.lock.model} --repair`,
      );
    },
    async repair(release) {
      const pages = await open();
      const found = await pages.find(release.tag);
      if (found !== undefined && manifestOnReleasePage(found.body) === release.lock.modelManifest) return;
      const page = await pageOf(workspace, release);
      if (found === undefined) await pages.create(page);
      else await pages.update(found.id, page);
    },
  };
}

async function pageOf(workspace: Workspace, release: Release) {
  const { lock, version, tag } = release;
  const { model } = lock;
  const releases = await listReleases(workspace, model);
  const body = renderReleasePage({
    ...lock,
    identities: {
      image: lock.image,
      ...(lock.base !== undefined && { 'base image': lock.base }),
      dataset: lock.dataset,
      'input key': lock.inputKey,
      verdict: lock.verdict,
      champion: lock.champion ?? 'none',
      'trained commit': lock.trainedCommit ?? 'none',
    },
    pull: pullCommands(workspace, release),
    report: await reportOf(workspace, release, releases),
  });
  return { tag, title: `${model} ${version}`, body, isLatest: releases[0]?.version === version };
}

/** The recorded verdict as a report: figures that nobody has to compute again. */
async function reportOf(workspace: Workspace, { lock }: Release, releases: Release[]): Promise<string> {
  const recorded = await readArtifact(repositoryOf(workspace, lock.model), lock.verdict, VERDICT_MEDIA_TYPE);
  const champion = releases.find((other) => other.lock.modelManifest === lock.champion);
  const checkout = lock.trainedCommit === null ? [] : [`git checkout ${lock.trainedCommit}`];
  return renderReport({
    verdict: parseVerdict(recorded.bytes),
    ...(champion !== undefined && { championVersion: champion.version }),
    reproduce: [...checkout, `npx edgeloop retrain ${lock.model}`],
  });
}

/** Nobody else can reach a folder of this machine. */
function pullCommands(workspace: Workspace, { lock, version }: Release): string[] {
  const { name } = repositoryOf(workspace, lock.model);
  const place = parseReference(name);
  if (place.kind === 'layout') return [];
  const model = formatReference({ ...place, digest: lock.modelManifest });
  const image = formatReference({ ...place, digest: lock.image });
  return [
    `npx edgeloop pull ${model} ${lock.model}-${version}`,
    ...(lock.base === undefined ? [] : [`docker pull ${image}`]),
  ];
}
