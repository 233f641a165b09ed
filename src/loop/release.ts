import { failure, refusal } from '../errors.ts';
import { buildImage, type BuiltImage, pushImage, type Repository } from '../oci/index.ts';
import {
  type Level,
  type Lock,
  lockBytes,
  lockPath,
  nextVersion,
  type SourceControl,
  versionTag,
} from '../versioning/index.ts';
import { baseImageName, lockedName, openBaseImage, warnOfOtherBase } from './base-image.ts';
import { type Candidate, reuseCandidate } from './candidate.ts';
import { inspectDataOf } from './data-checks.ts';
import { identify, type Identity, provenance } from './identify.ts';
import { findVerdict, judgeCandidate, type RecordedVerdict, recordVerdict } from './judge.ts';
import { candidateTag, planFor } from './plan.ts';
import { factsOf, writeReport } from './report.ts';
import { findChampion, findHighest, listReleases, type Release, type Released } from './releases.ts';
import { repositoryOf, requireSourceControl, type Workspace } from './workspace.ts';

export interface ReleaseOptions {
  /** Raises the computed bump, never lowers it. */
  bump?: Level;
  /** What the runnable image is built on: a REF, where a folder is relative to the current one. */
  baseImage?: string;
}

export interface ReleaseResult {
  release: Release;
  /** False when it had been released before: nothing was made, and what was missing was completed. */
  created: boolean;
}

/**
 * Gives the candidate of the checked-out commit its version. A sequence of idempotent steps: run again after a cut, it
 * finishes what it had begun. Order: compute all digests, lock file and commit, git tag (on `origin` first), image,
 * registry tags last, read back.
 */
export async function releaseModel(
  workspace: Workspace,
  model: string,
  options: ReleaseOptions = {},
): Promise<ReleaseResult> {
  const sourceControl = requireSourceControl(workspace, 'release');
  await provenance(workspace, model);
  const identity = await identify(workspace, model);
  await sourceControl.fetchTags(`${model}@v`);
  const candidate = await findCandidate(workspace, identity);

  const released = await releaseOf(workspace, model, candidate);
  if (released !== undefined) {
    if (options.baseImage !== undefined) warnOfOtherBase(workspace, released.lock, options.baseImage);
    await publish(workspace, released.lock, candidate);
    return { release: released, created: false };
  }
  const base =
    options.baseImage === undefined
      ? undefined
      : lockedName(await openBaseImage(workspace, baseImageName(workspace, options.baseImage)));
  const champion = await findChampion(workspace, model);
  const verdict = await requirePass(workspace, identity, candidate, champion);
  const highest = await findHighest(workspace, model);
  const next = nextVersion(highest, candidate.card, options.bump);
  const image = await imageOf(workspace, candidate, { model, version: next.version, base });
  const lock: Lock = {
    schema: 'edgeloop.lock/v1',
    model,
    ...next,
    modelManifest: candidate.descriptor.digest,
    image: image.index.descriptor.digest,
    base,
    inputKey: identity.inputKey,
    dataset: identity.inputs.dataset,
    verdict: verdict.digest,
    champion: champion?.digest ?? null,
    trainedCommit: candidate.card.training?.commit ?? null,
  };
  const result = await tagVersion(workspace, sourceControl, lock, candidate);
  await publish(workspace, result.release.lock, candidate);
  return result;
}

async function findCandidate(workspace: Workspace, identity: Identity): Promise<Candidate> {
  const { model, inputKey } = identity;
  const repository = repositoryOf(workspace, model);
  const descriptor = await repository.resolve(candidateTag(inputKey));
  if (descriptor !== undefined) return reuseCandidate(workspace, model, descriptor);
  throw refusal(
    'candidate-missing',
    `${repository.name} has no candidate for the input key ${inputKey} of the checked-out commit`,
    `Train it first: edgeloop retrain ${model}`,
  );
}

async function releaseOf(
  workspace: Workspace,
  model: string,
  candidate: Candidate,
): Promise<Release | undefined> {
  const releases = await listReleases(workspace, model);
  return releases.find(({ lock }) => lock.modelManifest === candidate.descriptor.digest);
}

/** A verdict of today: the recorded one, or a new one if champion, holdout or rules moved since. */
async function requirePass(
  workspace: Workspace,
  identity: Identity,
  candidate: Candidate,
  champion: Released | undefined,
): Promise<RecordedVerdict> {
  const recorded = await findVerdict(workspace, identity, candidate, champion);
  if (recorded === undefined)
    workspace.deps.log('info', 'champion, holdout or rules moved since the last verdict: judging again');
  const verdict = recorded ?? (await judgeAgain(workspace, identity, candidate, champion));
  if (verdict.verdict.outcome !== 'fail') return verdict;
  throw refusal(
    'gate-refused',
    `the gate refused ${candidate.descriptor.digest}:\n  ${verdict.verdict.reasons.join('\n  ')}`,
    `Read the report of \`edgeloop retrain ${identity.model}\`.`,
  );
}

async function judgeAgain(
  workspace: Workspace,
  identity: Identity,
  candidate: Candidate,
  champion: Released | undefined,
): Promise<RecordedVerdict> {
  const data = await inspectDataOf(workspace, identity, champion);
  const judgement = await judgeCandidate(workspace, identity, candidate, champion, data);
  const { reasons: changes } = await planFor(workspace, identity);
  const { commit } = await provenance(workspace, identity.model);
  const context = { champion, changes, next: undefined, released: undefined, commit };
  const facts = await factsOf(identity, candidate, judgement, context);
  const { page } = await writeReport(workspace, identity, facts, judgement);
  return recordVerdict(workspace, candidate, judgement.verdict, page);
}

/** The image that a lock file means. */
async function imageOf(
  workspace: Workspace,
  candidate: Candidate,
  { model, version, base }: Pick<Lock, 'model' | 'version' | 'base'>,
): Promise<BuiltImage> {
  return buildImage(repositoryOf(workspace, model), candidate.descriptor, {
    model,
    version,
    ...(base !== undefined && { base: await openBaseImage(workspace, base) }),
  });
}

async function tagVersion(
  workspace: Workspace,
  sourceControl: SourceControl,
  lock: Lock,
  candidate: Candidate,
): Promise<ReleaseResult> {
  const { model, version } = lock;
  const tag = versionTag(model, version);
  const now = workspace.deps.now();
  const files = [{ path: lockPath(model), bytes: lockBytes(lock) }];
  const commit = await sourceControl.commit(await sourceControl.head(), files, `${model} ${version}`, now);
  if (await sourceControl.createTag({ name: tag, commit, message: tagMessage(lock) })) {
    return { release: { version, lock, tag, commit, date: now.toISOString() }, created: true };
  }
  await sourceControl.fetchTags(`${model}@v`);
  const other = await releaseOf(workspace, model, candidate);
  if (other !== undefined) return { release: other, created: false };
  throw failure(
    'version-taken',
    `another release has just taken ${tag}`,
    `Run it again; the next version will be computed from that one: edgeloop release ${model}`,
  );
}

function tagMessage(lock: Lock): string {
  const trailers = {
    'Model-Manifest': lock.modelManifest,
    Image: lock.image,
    ...(lock.base !== undefined && { 'Base-Image': lock.base }),
    'Input-Key': lock.inputKey,
    Dataset: lock.dataset,
    Verdict: lock.verdict,
    Champion: lock.champion ?? 'none',
    'Trained-Commit': lock.trainedCommit ?? 'none',
  };
  const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}`);
  return `${lock.model} ${lock.version}\n\n${lock.reasons.map((reason) => `- ${reason}`).join('\n')}\n\n${lines.join('\n')}`;
}

/** Makes the registry say what the lock file says, and reads it back. */
async function publish(workspace: Workspace, lock: Lock, candidate: Candidate): Promise<void> {
  const { model, version } = lock;
  const repository = repositoryOf(workspace, model);
  const image = await imageOf(workspace, candidate, lock);
  if (image.index.descriptor.digest !== lock.image) {
    throw disagreement(
      `the image of ${model} ${version} is ${image.index.descriptor.digest} now, not ${lock.image}`,
    );
  }
  const manifest = await repository.readManifest(candidate.descriptor.digest);
  if (manifest === undefined) throw disagreement(`${repository.name} lost ${candidate.descriptor.digest}`);
  await repository.writeManifest(manifest.bytes, { tag: `${version}-model` });
  await pushImage(repository, image, [version]);
  await moveShortTags(workspace, repository, image, lock);
  await readBack(repository, { [version]: lock.image, [`${version}-model`]: lock.modelManifest });
}

/** `X.Y` and `X` follow the highest version: finishing an older release must not take them back. */
async function moveShortTags(
  workspace: Workspace,
  repository: Repository,
  image: BuiltImage,
  lock: Lock,
): Promise<void> {
  const [major = '', minor = ''] = lock.version.split('.');
  const releases = await listReleases(workspace, lock.model);
  const highest = (prefix: string) =>
    releases.find(({ version }) => version.startsWith(prefix))?.version ?? lock.version;
  const short = [`${major}.${minor}`, major].filter((tag) => highest(`${tag}.`) === lock.version);
  if (short.length > 0) await pushImage(repository, image, short);
}

async function readBack(repository: Repository, expected: Record<string, string>): Promise<void> {
  for (const [tag, digest] of Object.entries(expected)) {
    const found = await repository.resolve(tag);
    if (found?.digest !== digest) {
      throw disagreement(
        `${repository.name} ${tag} is ${found?.digest ?? 'absent'} after it was written, not ${digest}`,
      );
    }
  }
}

function disagreement(what: string): Error {
  return failure(
    'release-inconsistent',
    what,
    'Look at both with `edgeloop status` and `git show`; a released version is never moved.',
  );
}
