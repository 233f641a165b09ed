import { ANNOTATION, readModelManifest, TITLE } from '../../oci/index.ts';
import type { Card } from '../../onnx/index.ts';
import type { Release } from '../../versioning/index.ts';
import { cardAnnotations } from '../card-annotations.ts';
import { candidateTag } from '../plan.ts';
import { readCard } from '../releases.ts';
import type { Checking, Repair } from './finding.ts';
import { checkImage, rebuildImage } from './image.ts';
import { checkReferrers } from './referrers.ts';

/** From git to the registry: everything that a lock file names is there and says the same. */
export async function checkRelease(checking: Checking, release: Release): Promise<void> {
  const { repository, model, report, workspace } = checking;
  const { version, lock, commit } = release;
  const digest = lock.modelManifest;
  const manifest = await repository.readManifest(digest);
  if (manifest === undefined) {
    report({
      code: 'model-manifest-missing',
      subject: digest,
      message: `${release.tag} means it, and ${repository.name} does not have it`,
      values: { git: digest, registry: null },
      mend: `Copy it back from another registry or a backup, by its digest. Whoever trains it again gets another model: git checkout '${commit}' && edgeloop retrain ${model}`,
    });
  }
  const modelTag = `${version}-model`;
  const candidate = candidateTag(lock.inputKey);
  const retag = async (tag: string, bytes: Uint8Array): Promise<string> => {
    await repository.writeManifest(bytes, { tag });
    return `the tag ${tag} names ${digest} again`;
  };
  await checkTag(checking, release, {
    tag: modelTag,
    digest,
    repair: manifest && (() => retag(modelTag, manifest.bytes)),
  });
  const retagCandidate = async (bytes: Uint8Array): Promise<string | undefined> => {
    // By the model's own card: a lock file that was altered must not name a candidate.
    const { training } = await readCard(workspace, model, digest);
    return training?.inputKey === lock.inputKey ? retag(candidate, bytes) : undefined;
  };
  await checkTag(checking, release, {
    tag: candidate,
    digest,
    repair: manifest && (() => retagCandidate(manifest.bytes)),
  });
  await checkTag(checking, release, {
    tag: version,
    digest: lock.image,
    repair: manifest && (() => rebuildImage(checking, release)),
  });
  await checking.attempt(version, () => checkImage(checking, release, manifest?.descriptor));
  if (manifest === undefined) return;
  const card = await readCard(workspace, model, digest);
  checkCard(checking, release, card);
  await checkAnnotations(checking, digest, card);
  await checkReferrers(checking, release, card);
}

/** A tag that is missing can be written again; one that names something else is never moved. */
async function checkTag(
  { repository, report, model }: Checking,
  release: Release,
  { tag, digest, repair }: { tag: string; digest: string; repair: Repair | undefined },
): Promise<void> {
  const found = await repository.resolve(tag);
  if (found?.digest === digest) return;
  const values = { git: digest, registry: found?.digest ?? null };
  if (found === undefined) {
    const message = `${release.tag} means ${digest}, and the registry has no such tag`;
    const run = `edgeloop verify ${model} --repair`;
    const mend = repair
      ? `Run: ${run}`
      : `Restore the model ${release.lock.modelManifest} first, then run: ${run}`;
    report({ code: 'tag-missing', subject: tag, message, values, mend }, repair);
    return;
  }
  const message = `${release.tag} means ${digest}, the registry ${found.digest}`;
  const mend = `A version is never moved: find out who wrote the tag in ${repository.name}, delete it there, then run: edgeloop verify ${model} --repair`;
  report({ code: 'tag-moved', subject: tag, message, values, mend });
}

function checkCard({ report }: Checking, { tag, lock }: Release, { training }: Card): void {
  const pairs: [string, string | null | undefined, string | null][] = [
    ['input key', training?.inputKey, lock.inputKey],
    ['dataset', training?.inputs.dataset, lock.dataset],
    ['trained commit', training?.commit, lock.trainedCommit],
  ];
  for (const [what, carded = null, locked] of pairs) {
    if (carded === locked) continue;
    report({
      code: 'card-disagrees',
      subject: `${lock.modelManifest} ${what}`,
      message: `its card says ${what} ${carded ?? 'none'}, the lock file of ${tag} ${locked ?? 'none'}`,
      values: { card: carded, lock: locked },
      mend: `One of them was altered: find out who made the tag (git show '${tag}'), and release again under the next version.`,
    });
  }
}

/** What a model's manifest repeats of its card. */
async function checkAnnotations({ repository, model, report }: Checking, digest: string, card: Card) {
  const { manifest } = await readModelManifest(repository, digest);
  const expected = { ...cardAnnotations(card), [TITLE]: model, [ANNOTATION.model]: model };
  for (const [name, carded] of Object.entries(expected)) {
    const said = manifest.annotations?.[name];
    if (said === carded) continue;
    report({
      code: 'manifest-disagrees',
      subject: `${digest} ${name}`,
      message: `its annotation says ${said ?? 'nothing'}, its card ${carded}`,
      values: { manifest: said ?? null, card: carded },
      mend: 'It was not packed by `edgeloop retrain`: find out who wrote it, train again, and release under the next version.',
    });
  }
}
