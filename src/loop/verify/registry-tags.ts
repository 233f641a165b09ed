import { versionTag, type Release } from '../../versioning/index.ts';
import { candidateTag } from '../plan.ts';
import { readCard } from '../releases.ts';
import { movingTags, movingTagsOf } from '../version-tags.ts';
import type { CheckingAll } from './finding.ts';

/** From the registry to git: every tag belongs to a release or a candidate. */
export async function checkRegistryTags(checking: CheckingAll): Promise<void> {
  const { repository, releases, attempt } = checking;
  const tags = await repository.tags();
  const known = new Set(releases.map(({ version }) => version));
  for (const tag of tags) {
    const [, version] = /^(?:deprecated-)?(\d+\.\d+\.\d+)(?:-model)?$/.exec(tag) ?? [];
    if (version !== undefined && !known.has(version))
      await attempt(tag, () => reportUnreleased(checking, tag, version));
    const [, inputKey] = /^in-([0-9a-f]{64})$/.exec(tag) ?? [];
    if (inputKey !== undefined) await attempt(tag, () => checkCandidate(checking, inputKey));
  }
  const wanted = releases.flatMap(({ version }) => movingTagsOf(version));
  const moving = new Set([...wanted, ...tags.filter((tag) => /^\d+(?:\.\d+)?$/.test(tag))]);
  for (const tag of moving) await attempt(tag, () => checkMovingTag(checking, tag));
}

async function reportUnreleased(checking: CheckingAll, tag: string, version: string): Promise<void> {
  const { workspace, repository, model, unfetched, report } = checking;
  const missing = versionTag(model, version);
  if (workspace.versionHistory === undefined || unfetched.has(missing)) return;
  const found = await repository.resolve(tag);
  report({
    code: 'release-not-in-git',
    subject: tag,
    message: `git has no tag ${missing} that can be read`,
    values: { git: null, registry: found?.digest ?? null },
    mend: 'Fetch the tags (git fetch --tags), or find out who wrote it: releases are made by `edgeloop release`.',
  });
}

/** `X.Y` and `X` name the image of the highest version below them. */
async function checkMovingTag(checking: CheckingAll, prefix: string): Promise<void> {
  const { repository, releases, report, model, unfetched } = checking;
  // What origin has is to be fetched first: which is the highest is not known before.
  if ([...unfetched].some((tag) => tag.startsWith(versionTag(model, `${prefix}.`)))) return;
  const highest = releases.find(({ version }) => version.startsWith(`${prefix}.`));
  const found = await repository.resolve(prefix);
  if (found?.digest === highest?.lock.image) return;
  const values = { git: highest?.lock.image ?? null, registry: found?.digest ?? null };
  const subject = prefix;
  if (highest === undefined) {
    const message = `it names ${found?.digest}, and git has no version ${prefix}.*`;
    const mend = 'Find out who wrote it, and delete it in the registry.';
    report({ code: 'moving-tag-unknown', subject, message, values, mend });
    return;
  }
  const message = `it names ${found?.digest ?? 'nothing'}, not ${highest.version} (${highest.lock.image})`;
  const mend = `Run: edgeloop verify ${model} --repair`;
  report({ code: 'moving-tag-stale', subject, message, values, mend }, () =>
    moveTo(checking, prefix, highest),
  );
}

/** Never back: a higher version that git does not know here may well be released. */
async function moveTo({ repository }: CheckingAll, tag: string, { version, lock }: Release) {
  const image = await repository.readManifest(version);
  if (image?.descriptor.digest !== lock.image) return undefined;
  if (!movingTags(version, await repository.tags()).includes(tag)) return undefined;
  await repository.writeManifest(image.bytes, { tag, moveTag: true });
  return `the tag ${tag} names ${version} (${lock.image})`;
}

async function checkCandidate(checking: CheckingAll, inputKey: string): Promise<void> {
  const { workspace, model, repository, report } = checking;
  const subject = candidateTag(inputKey);
  const found = await repository.resolve(subject);
  if (found === undefined) return;
  const carded = (await readCard(workspace, model, found.digest)).training?.inputKey;
  if (carded === inputKey) return;
  report({
    code: 'candidate-misnamed',
    subject,
    message: `the card of ${found.digest} says input key ${carded ?? 'none'}`,
    values: { tag: inputKey, card: carded ?? null },
    mend: 'Find out who wrote the tag, delete it, and train again.',
  });
}
