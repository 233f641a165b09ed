import { decideAgain, parseVerdict, VERDICT_MEDIA_TYPE } from '../../evaluation/index.ts';
import { digestOf, readArtifact, writeArtifact } from '../../oci/index.ts';
import type { Card } from '../../onnx/index.ts';
import type { Release } from '../../versioning/index.ts';
import { identify } from '../identify.ts';
import { REPORT_MEDIA_TYPE } from '../judge.ts';
import { CODE_ARTIFACT_TYPE, DATASET_ARTIFACT_TYPE } from '../plan.ts';
import { checkFallback } from './fallback.ts';
import type { Checking } from './finding.ts';

/** What a release promises beside its model: verdict, report, and the lists of its data and code. */
export async function checkReferrers(checking: Checking, release: Release, card: Card): Promise<void> {
  const { lock } = release;
  const subject = lock.modelManifest;
  await checking.attempt(`${subject} fallback tag`, () => checkFallback(checking, subject));
  await checking.attempt(lock.verdict, () => checkVerdict(checking, release));
  await checking.attempt(subject, () => checkReport(checking, release));
  const { inputs } = card.training ?? {};
  const manifests: Listed[] = [
    { what: 'dataset', type: DATASET_ARTIFACT_TYPE, digest: lock.dataset },
    ...(inputs === undefined
      ? []
      : [{ what: 'code', type: CODE_ARTIFACT_TYPE, digest: inputs.code } as const]),
  ];
  for (const listed of manifests)
    await checking.attempt(subject, () => checkManifest(checking, release, listed));
}

async function checkVerdict(checking: Checking, { lock, tag }: Release): Promise<void> {
  const { repository, report, model } = checking;
  const subject = lock.verdict;
  const of = lock.modelManifest;
  const found = await repository.readManifest(subject);
  if (found === undefined) {
    const values = { lock: subject, registry: null };
    const message = `${tag} names this verdict, and ${repository.name} does not have it`;
    const mend = `A verdict is not made again for a release: copy it back by its digest from another registry or a backup. See how the model does today: edgeloop retrain ${model}`;
    report({ code: 'verdict-missing', subject, message, values, mend });
    return;
  }
  const artifact = await readArtifact(repository, subject, VERDICT_MEDIA_TYPE);
  const listed = await repository.referrers(of, VERDICT_MEDIA_TYPE);
  if (artifact.subject?.digest === of && !listed.some(({ digest }) => digest === subject)) {
    const values = { lock: subject, registry: 'not listed' };
    const message = `it is there, and not among the referrers of ${of}`;
    const mend = `Run: edgeloop verify ${model} --repair`;
    // A registry lists a manifest that has a subject when it takes it.
    report({ code: 'referrer-unlisted', subject, message, values, mend }, async () => {
      await repository.writeManifest(found.bytes);
      return `the verdict ${subject} is listed again as a referrer of ${of}`;
    });
  }
  const verdict = parseVerdict(artifact.bytes);
  const mend = `Find out who wrote it, and judge again: edgeloop retrain ${model}`;
  const outcome = decideAgain(verdict).outcome;
  if (outcome !== verdict.outcome || outcome === 'fail') {
    const message = `it says "${verdict.outcome}", its own figures say "${outcome}"`;
    report({
      code: 'verdict-altered',
      subject,
      message,
      values: { verdict: verdict.outcome, figures: outcome },
      mend,
    });
  }
  const pairs = [
    ['subject', artifact.subject?.digest ?? null, of],
    ['candidate', verdict.candidate, of],
    ['champion', verdict.champion, lock.champion],
  ] as const;
  for (const [what, judged, locked] of pairs) {
    if (judged === locked) continue;
    const message = `its ${what} is ${judged ?? 'none'}, that of ${tag} ${locked ?? 'none'}`;
    report({
      code: 'verdict-disagrees',
      subject: `${subject} ${what}`,
      message,
      values: { verdict: judged, lock: locked },
      mend,
    });
  }
}

async function checkReport({ repository, report }: Checking, { lock, tag }: Release): Promise<void> {
  const reports = await repository.referrers(lock.modelManifest, REPORT_MEDIA_TYPE);
  if (reports.some(({ annotations }) => annotations?.['dev.edgeloop.verdict'] === lock.verdict)) return;
  report({
    code: 'report-missing',
    subject: lock.verdict,
    message: `no referrer of ${lock.modelManifest} is the report on the verdict of ${tag}`,
    values: { lock: lock.verdict, registry: null },
    mend: 'Copy it back from another registry or a backup; the verdict itself holds every figure.',
  });
}

interface Listed {
  what: 'dataset' | 'code';
  type: string;
  digest: string;
}

/** The list of the files that a model was trained on, or with. */
async function checkManifest(checking: Checking, release: Release, listed: Listed): Promise<void> {
  const { repository, report, model } = checking;
  const { lock, tag } = release;
  const { what, type, digest } = listed;
  const found: string[] = [];
  for (const referrer of await repository.referrers(lock.modelManifest, type))
    found.push(digestOf((await readArtifact(repository, referrer, type)).bytes));
  if (found.includes(digest)) return;
  const checkOut = lock.trainedCommit === null ? '' : `git checkout ${lock.trainedCommit} && `;
  report(
    {
      code: `${what}-manifest-missing`,
      subject: lock.modelManifest,
      message: `no referrer lists the ${what} ${digest} of ${tag}`,
      values: { git: digest, registry: found.join(', ') || null },
      mend: `Make it again where that ${what} is checked out: ${checkOut}edgeloop verify ${model} --repair`,
    },
    () => listAgain(checking, lock.modelManifest, listed),
  );
}

/** Only if what is checked out is the very same. */
async function listAgain(
  { workspace, repository, model }: Checking,
  modelManifest: string,
  { what, type, digest }: Listed,
): Promise<string | undefined> {
  const listing = (await identify(workspace, model))[what];
  const subject = (await repository.readManifest(modelManifest))?.descriptor;
  if (listing.digest !== digest || subject === undefined) return undefined;
  const bytes = await listing.manifest();
  await writeArtifact(repository, { artifactType: type, mediaType: type, bytes, subject });
  return `the list of the ${what} ${digest} is a referrer of ${modelManifest} again`;
}
