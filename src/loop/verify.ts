import { EdgeloopError, messageOf } from '../errors.ts';
import { decideAgain, parseVerdict, VERDICT_MEDIA_TYPE } from '../evaluation/index.ts';
import { digestOf, readArtifact, readImage, type Repository } from '../oci/index.ts';
import { readChannel } from '../rollout/index.ts';
import { DATASET_ARTIFACT_TYPE } from './plan.ts';
import { listMoves, listReleases, readCard, type Release } from './releases.ts';
import { damagedContent } from './verify/content.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** Two mirrors that disagree, or something that is missing or damaged. */
export interface Finding {
  /** Stable, `lower-kebab-case`. */
  code: string;
  model: string;
  /** What was looked at: a tag, a digest, a channel. */
  subject: string;
  /** What is wrong, with both values. */
  message: string;
  mend: string;
}

type Report = (finding: Omit<Finding, 'model'>) => void;

interface Checked {
  workspace: Workspace;
  model: string;
  repository: Repository;
  releases: Release[];
  report: Report;
}

/** Compares what git, registry and channels say of a model, both ways, and reads every byte that they name. */
export async function verifyModel(workspace: Workspace, model: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const report: Report = (finding) => findings.push({ ...finding, model });
  const repository = repositoryOf(workspace, model);
  // What cannot be read at all is a finding like any other, and does not keep the other checks from being made.
  const attempt = async <T>(subject: string, check: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await check();
    } catch (error) {
      workspace.deps.signal.throwIfAborted();
      if (!(error instanceof EdgeloopError)) throw error;
      report({ code: error.code, subject, message: messageOf(error), mend: error.remedy });
      return undefined;
    }
  };
  const releases = (await attempt('git tags', () => listReleases(workspace, model))) ?? [];
  const checked: Checked = { workspace, model, repository, releases, report };
  for (const release of releases) await attempt(release.tag, () => checkRelease(checked, release));
  await attempt(repository.name, () => checkTags(checked));
  for (const channel of workspace.config.channels) {
    await attempt(`channel ${channel}`, () => checkChannel(checked, channel));
  }
  for (const damage of (await attempt(repository.name, () => damagedContent(repository))) ?? [])
    report(damage);
  // What Ctrl-C has ended, a git for example, is no finding.
  workspace.deps.signal.throwIfAborted();
  return findings;
}

/** From git to the registry: everything that a lock file names is there and says the same. */
async function checkRelease(
  { workspace, model, repository, report }: Checked,
  release: Release,
): Promise<void> {
  const { lock, tag, version } = release;
  const mend = `Finish or restore the release: edgeloop release ${model} (on the commit ${release.commit.slice(0, 12)}^)`;
  if (lock.version !== version || lock.model !== model) {
    const message = `its lock file is of ${lock.model} ${lock.version}`;
    report({ code: 'lock-disagrees', subject: tag, message, mend: `Look at it: git show '${tag}'` });
  }
  const named = {
    [`${version}-model`]: lock.modelManifest,
    [version]: lock.image,
    [`in-${lock.inputKey}`]: lock.modelManifest,
  };
  for (const [name, digest] of Object.entries(named)) {
    const found = await repository.resolve(name);
    if (found?.digest === digest) continue;
    const code = found === undefined ? 'tag-missing' : 'tag-moved';
    report({
      code,
      subject: name,
      message: `${tag} means ${digest}, the registry ${found?.digest ?? 'has no such tag'}`,
      mend,
    });
  }
  const image = await readImage(repository, version);
  if (image !== undefined && (image.version !== version || image.modelManifest !== lock.modelManifest)) {
    const message = `the image says that it is ${image.version} of ${image.modelManifest}`;
    report({ code: 'image-disagrees', subject: version, message, mend });
  }
  const card = await readCard(workspace, model, lock.modelManifest);
  if (card.training?.inputKey !== lock.inputKey) {
    const message = `the card says input key ${card.training?.inputKey ?? 'none'}, the lock file ${lock.inputKey}`;
    report({ code: 'card-disagrees', subject: lock.modelManifest, message, mend });
  }
  await checkReferrers({ repository, report, model }, release);
}

async function checkReferrers(
  { repository, report, model }: Pick<Checked, 'repository' | 'report' | 'model'>,
  { lock }: Release,
): Promise<void> {
  const subject = lock.modelManifest;
  const mend = `Judge it again: edgeloop retrain ${model}`;
  const verdicts = await repository.referrers(subject, VERDICT_MEDIA_TYPE);
  if (!verdicts.some(({ digest }) => digest === lock.verdict)) {
    report({
      code: 'verdict-missing',
      subject,
      message: `the verdict ${lock.verdict} is not among its referrers`,
      mend,
    });
  } else {
    const verdict = parseVerdict((await readArtifact(repository, lock.verdict, VERDICT_MEDIA_TYPE)).bytes);
    const sound = verdict.candidate === subject && decideAgain(verdict).outcome === verdict.outcome;
    if (!sound || verdict.outcome === 'fail') {
      const message = `the verdict ${lock.verdict} says "${verdict.outcome}" on ${verdict.candidate}, which its figures do not bear out`;
      report({ code: 'verdict-altered', subject, message, mend });
    }
  }
  const manifests = await repository.referrers(subject, DATASET_ARTIFACT_TYPE);
  const digests = await Promise.all(
    manifests.map(async ({ digest }) =>
      digestOf((await readArtifact(repository, digest, DATASET_ARTIFACT_TYPE)).bytes),
    ),
  );
  if (digests.includes(lock.dataset)) return;
  const message = `no referrer lists the training data ${lock.dataset}`;
  report({
    code: 'dataset-manifest-missing',
    subject,
    message,
    mend: 'Restore it from a copy of the registry.',
  });
}

/** From the registry to git: every tag belongs to a release or a candidate. */
async function checkTags({ workspace, model, repository, releases, report }: Checked): Promise<void> {
  const known = new Set(releases.map(({ version }) => version));
  for (const tag of await repository.tags()) {
    const [, version] = /^(\d+\.\d+\.\d+)(?:-model)?$/.exec(tag) ?? [];
    if (version !== undefined && !known.has(version) && workspace.sourceControl !== undefined) {
      const mend =
        'Fetch the tags (git fetch --tags), or find out who wrote it: releases are made by `edgeloop release`.';
      report({
        code: 'release-not-in-git',
        subject: tag,
        message: `git has no tag ${model}@v${version}`,
        mend,
      });
    }
    const [, prefix] = /^(\d+(?:\.\d+)?)$/.exec(tag) ?? [];
    if (prefix !== undefined) await checkMovingTag({ repository, releases, report, model }, prefix);
    const [, inputKey] = /^in-([0-9a-f]{64})$/.exec(tag) ?? [];
    if (inputKey !== undefined) await checkCandidate({ workspace, model, repository, report }, tag, inputKey);
  }
}

async function checkMovingTag(
  { repository, releases, report, model }: Pick<Checked, 'repository' | 'releases' | 'report' | 'model'>,
  prefix: string,
): Promise<void> {
  const highest = releases.find(({ version }) => version.startsWith(`${prefix}.`));
  const found = await repository.resolve(prefix);
  if (highest === undefined || found === undefined || found.digest === highest.lock.image) return;
  const message = `it names ${found.digest}, not ${highest.version} (${highest.lock.image})`;
  report({ code: 'moving-tag-stale', subject: prefix, message, mend: `Run: edgeloop release ${model}` });
}

async function checkCandidate(
  { workspace, model, repository, report }: Pick<Checked, 'workspace' | 'model' | 'repository' | 'report'>,
  tag: string,
  inputKey: string,
): Promise<void> {
  const found = await repository.resolve(tag);
  if (found === undefined) return;
  const card = await readCard(workspace, model, found.digest);
  if (card.training?.inputKey === inputKey) return;
  const message = `its card says input key ${card.training?.inputKey ?? 'none'}`;
  report({
    code: 'candidate-misnamed',
    subject: tag,
    message,
    mend: 'Find out who wrote the tag, and train again.',
  });
}

/** A channel's document, its git tag and the release that both mean. */
async function checkChannel(
  { workspace, model, repository, releases, report }: Checked,
  channel: string,
): Promise<void> {
  const subject = `channel ${channel}`;
  const [move] = await listMoves(workspace, model, channel);
  const document = (await readChannel(repository, channel))?.document;
  if (document === undefined) {
    if (move === undefined) return;
    const message = `git has ${move.tag}, the registry no document`;
    const mend = `Roll out again: edgeloop rollout ${model}@VERSION --channel ${channel}`;
    report({ code: 'channel-not-written', subject, message, mend });
    return;
  }
  const mend = `Roll out again: edgeloop rollout ${model}@${document.version} --channel ${channel}`;
  const release = releases.find(({ version }) => version === document.version);
  if (release?.lock.modelManifest !== document.digest) {
    const message = `it names ${document.version} as ${document.digest}, git ${release?.lock.modelManifest ?? 'has no such release'}`;
    report({ code: 'channel-disagrees', subject, message, mend });
  }
  if (
    workspace.sourceControl === undefined ||
    (move?.sequence === document.sequence && move.commit === release?.commit)
  )
    return;
  const message = `document ${document.sequence} names ${document.version}, the newest git tag is ${move?.tag ?? 'absent'} at ${move?.commit.slice(0, 12) ?? 'no commit'}`;
  report({ code: 'channel-tag-disagrees', subject, message, mend });
}
