import { type DatasetFile, parseManifest } from '../dataset/index.ts';
import { EdgeloopError, failure, messageOf } from '../errors.ts';
import { parseVerdict, type Verdict, VERDICT_MEDIA_TYPE } from '../evaluation/index.ts';
import { type Descriptor, digestOf, readArtifact } from '../oci/index.ts';
import type { Card } from '../onnx/index.ts';
import { readChannel } from '../rollout/index.ts';
import { TRAINING_LOG_ARTIFACT_TYPE } from '../training/index.ts';
import type { Deprecation, Release } from '../versioning/index.ts';
import { readDeprecations } from './deprecate.ts';
import { REPORT_MEDIA_TYPE } from './judge.ts';
import { CODE_ARTIFACT_TYPE, DATASET_ARTIFACT_TYPE } from './plan.ts';
import type { FoundRelease } from './find-release.ts';
import { listMoves, readCard } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** Files by the manifest that names them. */
export interface ListedFiles {
  /** Of the manifest's bytes: the blob of this digest in the model's repository is the list. */
  digest: string;
  /** The referrer that holds the manifest. */
  referrer: string;
  files: DatasetFile[];
}

/** One move of a channel to a release. */
export interface NamingMove {
  channel: string;
  sequence: number;
  date: string;
  /** Whether the channel names the release now, by this move. */
  now: boolean;
}

/** Where one release comes from; what is `undefined` could not be read, and `unreadable` says why. */
export interface Lineage {
  release: Release;
  deprecations: Deprecation[];
  /** The commit on which it was released; `undefined` where this clone does not have it. */
  releasedCommit: string | undefined;
  card: Card | undefined;
  verdict: Verdict | undefined;
  /** Digest of the referrer; `undefined` where there is none. */
  report: string | undefined;
  trainingLog: string | undefined;
  /** The version of the champion that it was judged against; `undefined` where there was none. */
  championVersion: string | undefined;
  data: ListedFiles | undefined;
  code: ListedFiles | undefined;
  channels: NamingMove[];
  unreadable: { what: string; code: string; message: string }[];
}

/** Follows a release to the data and the code that made it, the verdict on it, and the channels that have named it. */
export async function readLineage(
  workspace: Workspace,
  { release, releases }: FoundRelease,
): Promise<Lineage> {
  const { lock } = release;
  const { model, modelManifest: digest } = lock;
  const repository = repositoryOf(workspace, model);
  const unreadable: Lineage['unreadable'] = [];
  const attempt = async <T>(what: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      workspace.deps.signal.throwIfAborted();
      if (!(error instanceof EdgeloopError)) throw error;
      unreadable.push({ what, code: error.code, message: messageOf(error) });
      return undefined;
    }
  };
  const found = await attempt('referrers', () => repository.referrers(digest));
  const referrers = found ?? [];
  const card = await attempt('card', () => readCard(workspace, model, digest));
  const listed = (what: string, type: string, wanted: string | undefined) =>
    wanted === undefined || found === undefined
      ? undefined
      : attempt(what, () => readListed(workspace, release, ofType(referrers, type), { type, wanted }));
  const verdict = await attempt('verdict', async () =>
    parseVerdict((await readArtifact(repository, lock.verdict, VERDICT_MEDIA_TYPE)).bytes),
  );
  const report = ofType(referrers, REPORT_MEDIA_TYPE).find(
    ({ annotations }) => annotations?.['dev.edgeloop.verdict'] === lock.verdict,
  );
  return {
    release,
    deprecations: (await attempt('deprecations', () => readDeprecations(workspace, release))) ?? [],
    releasedCommit: await workspace.sourceControl?.revision(`${release.commit}^`).catch(() => undefined),
    card,
    verdict,
    report: report?.digest,
    trainingLog: ofType(referrers, TRAINING_LOG_ARTIFACT_TYPE)[0]?.digest,
    championVersion: releases.find((other) => other.lock.modelManifest === lock.champion)?.version,
    data: await listed('data', DATASET_ARTIFACT_TYPE, lock.dataset),
    code: await listed('code', CODE_ARTIFACT_TYPE, card?.training?.inputs.code),
    channels: (await attempt('channels', () => readNaming(workspace, release))) ?? [],
    unreadable,
  };
}

function ofType(referrers: readonly Descriptor[], type: string): Descriptor[] {
  return referrers.filter(({ artifactType }) => artifactType === type);
}

async function readListed(
  workspace: Workspace,
  { lock: { model, modelManifest } }: Release,
  referrers: readonly Descriptor[],
  { type, wanted }: { type: string; wanted: string },
): Promise<ListedFiles> {
  const repository = repositoryOf(workspace, model);
  for (const { digest: referrer } of referrers) {
    const { bytes } = await readArtifact(repository, referrer, type);
    if (digestOf(bytes) === wanted) return { digest: wanted, referrer, files: parseManifest(bytes) };
  }
  throw failure(
    'manifest-missing',
    `no referrer of ${modelManifest} lists the files that are ${wanted}`,
    `See what can be mended: edgeloop verify ${model}`,
  );
}

async function readNaming(workspace: Workspace, release: Release): Promise<NamingMove[]> {
  const { model, modelManifest } = release.lock;
  const naming: NamingMove[] = [];
  for (const channel of workspace.config.channels) {
    const current = (await readChannel(repositoryOf(workspace, model), channel))?.document;
    for (const { sequence, date, commit } of await listMoves(workspace, model, channel)) {
      if (commit !== release.commit) continue;
      const now = current?.sequence === sequence && current.digest === modelManifest;
      naming.push({ channel, sequence, date, now });
    }
  }
  return naming;
}
