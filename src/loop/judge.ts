import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describeFiles } from '../dataset/index.ts';
import { refusal } from '../errors.ts';
import {
  type Contender,
  decideAgain,
  evaluate,
  parseVerdict,
  type Verdict,
  VERDICT_MEDIA_TYPE,
  verdictBytes,
} from '../evaluation/index.ts';
import { readArtifact, writeArtifact } from '../oci/index.ts';
import { MODEL_FILE } from '../onnx/index.ts';
import { type Candidate, fetchModel } from './candidate.ts';
import type { Identity } from './identify.ts';
import type { Released } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** A verdict and the digest of the artifact that records it. */
export interface RecordedVerdict {
  verdict: Verdict;
  digest: string;
}

/** Scores candidate and champion on the holdout of today, and decides. */
export async function judgeCandidate(
  workspace: Workspace,
  identity: Identity,
  candidate: Candidate,
  champion: Released | undefined,
): Promise<Verdict> {
  const { model, settings, paths } = identity;
  const holdout = await describeFiles(paths.holdout);
  const { verdict } = await evaluate({
    model,
    candidate: {
      ...contender(candidate.path, candidate),
      ...(candidate.predictions && { predictions: candidate.predictions }),
    },
    champion:
      champion === undefined
        ? null
        : contender(await fetchModel(workspace, model, champion.digest), {
            card: champion.card,
            descriptor: champion,
          }),
    holdout: { file: paths.holdout, digest: holdout.digest },
    rules: rulesOf(identity),
    label: settings.evaluate.label,
    task: settings.evaluate.task,
    signal: workspace.deps.signal,
  });
  return verdict;
}

/** Records a verdict beside its candidate. */
export async function recordVerdict(
  workspace: Workspace,
  { descriptor }: Candidate,
  verdict: Verdict,
): Promise<RecordedVerdict> {
  const { digest } = await writeArtifact(repositoryOf(workspace, verdict.model), {
    artifactType: VERDICT_MEDIA_TYPE,
    mediaType: VERDICT_MEDIA_TYPE,
    bytes: verdictBytes(verdict),
    subject: descriptor,
  });
  return { verdict, digest };
}

/** The recorded verdict on a candidate against this champion, on today's holdout, by today's rules; if there is one. */
export async function findVerdict(
  workspace: Workspace,
  identity: Identity,
  candidate: Candidate,
  champion: Released | undefined,
): Promise<RecordedVerdict | undefined> {
  const repository = repositoryOf(workspace, identity.model);
  const holdout = await describeFiles(identity.paths.holdout);
  const rules = rulesOf(identity);
  for (const { digest } of await repository.referrers(candidate.descriptor.digest, VERDICT_MEDIA_TYPE)) {
    const verdict = parseVerdict((await readArtifact(repository, digest, VERDICT_MEDIA_TYPE)).bytes);
    const same =
      verdict.candidate === candidate.descriptor.digest &&
      verdict.champion === (champion?.digest ?? null) &&
      verdict.holdout === holdout.digest &&
      isDeepStrictEqual(verdict.rules, rules);
    if (same && decideAgain(verdict).outcome !== verdict.outcome) throw alteredVerdict(verdict, digest);
    if (same) return { verdict, digest };
  }
  return undefined;
}

function alteredVerdict({ model, outcome }: Verdict, digest: string): Error {
  return refusal(
    'verdict-altered',
    `the verdict ${digest} says "${outcome}", but its own figures say otherwise`,
    `Find out who wrote it, then judge again: edgeloop retrain ${model}`,
  );
}

function contender(
  folder: string,
  { card, descriptor }: { card: Candidate['card']; descriptor: { digest: string } },
): Contender {
  return {
    modelFile: join(folder, MODEL_FILE),
    digest: descriptor.digest,
    bytes: card.requirements.modelBytes,
    modelSignature: card.modelSignature,
    featureOrder: card.featureOrder,
  };
}

function rulesOf({ settings }: Identity): Verdict['rules'] {
  const { metrics, budget } = settings.evaluate;
  // Through JSON, so that rules compare as they are recorded: without keys that are undefined.
  return JSON.parse(JSON.stringify({ metrics, budget }));
}
