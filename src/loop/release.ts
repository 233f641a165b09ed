import { failure, refusal } from '../errors.ts';
import {
  type Level,
  type Lock,
  lockPath,
  nextVersion,
  versionTag,
  type Release,
} from '../versioning/index.ts';
import { baseImageName, lockedName, openBaseImage, warnOfOtherBase } from './base-image.ts';
import { type Candidate, reuseCandidate } from './candidate.ts';
import { inspectDataOf } from './data-checks.ts';
import { provideHoldout } from './holdout.ts';
import { identify, type Identity, provenance } from './identify.ts';
import { findVerdict, judgeCandidate, type RecordedVerdict, recordVerdict } from './judge.ts';
import { candidateTag, planFor } from './plan.ts';
import { imageOf, publishRelease, tagRelease } from './publish-release.ts';
import { factsOf, writeReport } from './report.ts';
import { findChampion, findHighest, listReleases, type Released } from './releases.ts';
import { repositoryOf, requireVersionHistory, type Workspace } from './workspace.ts';

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
 * registry tags and their locks, mirrors, read back.
 */
export async function releaseModel(
  workspace: Workspace,
  model: string,
  options: ReleaseOptions = {},
): Promise<ReleaseResult> {
  const history = requireVersionHistory(workspace, 'release');
  await provenance(workspace, model);
  const identity = await identify(workspace, model);
  await history.fetchTags(`${model}@v`);
  const candidate = await findCandidate(workspace, identity);

  const released = await releaseOf(workspace, model, candidate);
  if (released !== undefined) {
    if (options.baseImage !== undefined) warnOfOtherBase(workspace, released.lock, options.baseImage);
    await publishRelease(workspace, released, candidate);
    return { release: released, created: false };
  }
  const base =
    options.baseImage === undefined
      ? undefined
      : lockedName(await openBaseImage(workspace, baseImageName(workspace, options.baseImage)));
  const champion = await findChampion(workspace, model);
  const judged = await provideHoldout(workspace, identity);
  const verdict = await requirePass(workspace, judged, candidate, champion);
  const highest = await findHighest(workspace, model);
  const next = nextVersion(highest, candidate.card, options.bump);
  const image = await imageOf(workspace, candidate.descriptor, { model, version: next.version, base });
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
    metric: mainMetric(identity, verdict),
    champion: champion?.digest ?? null,
    trainedCommit: candidate.card.training?.commit ?? null,
  };
  const tagged = await tagRelease(workspace, lock);
  const release = tagged ?? (await releaseOfOther(workspace, lock, candidate));
  await publishRelease(workspace, release, candidate);
  return { release, created: tagged !== undefined };
}

async function findCandidate(workspace: Workspace, identity: Identity): Promise<Candidate> {
  const { model, inputKey } = identity;
  const repository = repositoryOf(workspace, model);
  const descriptor = await repository.resolve(candidateTag(inputKey));
  if (descriptor !== undefined) return reuseCandidate(workspace, model, descriptor);
  throw refusal(
    'candidate-missing',
    `${repository.name} has no candidate for the input key ${inputKey} of the checked-out commit`,
    `Train it first: edgeloop retrain ${model}; in a workflow by the action retrain, in a step before`,
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

/** Somebody has that tag: another release, which may have been of this very candidate, or a hand that made it. */
async function releaseOfOther(workspace: Workspace, lock: Lock, candidate: Candidate): Promise<Release> {
  const { model, version } = lock;
  await requireVersionHistory(workspace, 'release').fetchTags(`${model}@v`);
  const other = await releaseOf(workspace, model, candidate);
  if (other !== undefined) return other;
  const tag = versionTag(model, version);
  const releases = await listReleases(workspace, model);
  if (releases.some((release) => release.version === version)) {
    throw failure(
      'version-taken',
      `another release has just taken ${tag}`,
      `Run it again; the next version will be computed from that one: edgeloop release ${model}`,
    );
  }
  throw failure(
    'tag-not-a-release',
    `there is a git tag ${tag} that is no release: a lightweight one, or one whose commit has no ${lockPath(model)}`,
    `Look at it: git show ${tag}. Delete it and run this again: git tag -d ${tag}; on origin, git push origin :refs/tags/${tag}`,
  );
}

/** The first of the metrics that the gate is asked for. */
function mainMetric({ settings }: Identity, { verdict }: RecordedVerdict): Lock['metric'] {
  const [name] = Object.keys(settings.evaluate.metrics);
  const value = name === undefined ? undefined : verdict.metrics[name]?.candidate;
  return name === undefined || value === undefined || value === null ? undefined : { name, value };
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
