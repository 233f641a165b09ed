import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describeFiles } from '../dataset/index.ts';
import { EdgeloopError, refusal } from '../errors.ts';
import {
  type Contender,
  type DataFindings,
  decideAgain,
  evaluate,
  type Evaluation,
  parseVerdict,
  type Verdict,
  VERDICT_MEDIA_TYPE,
  verdictBytes,
} from '../evaluation/index.ts';
import { readArtifact, writeArtifact } from '../oci/index.ts';
import { GOLDEN_FILE, MODEL_FILE } from '../onnx/index.ts';
import { type Candidate, fetchModel } from './candidate.ts';
import type { Identity } from './identify.ts';
import { predictorOf } from './predict.ts';
import type { Released } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** Media type of the report on a verdict, which its manifest's annotation `dev.edgeloop.verdict` names. */
export const REPORT_MEDIA_TYPE = 'application/vnd.edgeloop.report.v1+html';

/** A verdict and the digest of the artifact that records it. */
export interface RecordedVerdict {
  verdict: Verdict;
  digest: string;
}

/** What was found, and all that a report draws of it. */
export interface Judgement extends Evaluation {
  distributions: DataFindings['distributions'];
}

/** Scores candidate and champion on the holdout of today, and decides. */
export async function judgeCandidate(
  workspace: Workspace,
  identity: Identity,
  candidate: Candidate,
  champion: Released | undefined,
  data: DataFindings,
): Promise<Judgement> {
  const { model, settings, paths } = identity;
  const { label, task, weight } = settings.evaluate;
  const { environment, signal } = workspace.deps;
  const holdout = await describeFiles(paths.holdout);
  const predictor = predictorOf(workspace, identity);
  try {
    const evaluation = await evaluate({
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
      holdout: { file: paths.holdout, name: settings.data.holdout, digest: holdout.digest },
      rules: rulesOf(identity),
      label,
      weight,
      task,
      data,
      predictor,
      runner: environment['EDGELOOP_RUNNER'] ?? environment['RUNNER_NAME'] ?? null,
      signal,
    });
    return { ...evaluation, distributions: data.distributions };
  } finally {
    await predictor?.dispose();
  }
}

/** Records a verdict and its report, a self-contained HTML page, beside the candidate. */
export async function recordVerdict(
  workspace: Workspace,
  { descriptor: subject }: Candidate,
  verdict: Verdict,
  html: string,
): Promise<RecordedVerdict> {
  const write = (type: string, bytes: Uint8Array, annotations: Record<string, string> = {}) =>
    writeArtifact(repositoryOf(workspace, verdict.model), {
      artifactType: type,
      mediaType: type,
      bytes,
      subject,
      annotations,
    });
  const { digest } = await write(VERDICT_MEDIA_TYPE, verdictBytes(verdict));
  await write(REPORT_MEDIA_TYPE, Buffer.from(html), { 'dev.edgeloop.verdict': digest });
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
    const verdict = readable((await readArtifact(repository, digest, VERDICT_MEDIA_TYPE)).bytes);
    if (verdict === undefined) continue;
    const same =
      verdict.candidate === candidate.descriptor.digest &&
      verdict.champion === (champion?.digest ?? null) &&
      verdict.holdout === holdout.digest &&
      isDeepStrictEqual(verdict.rules, rules) &&
      sameSettings(verdict, identity);
    if (same && decideAgain(verdict).outcome !== verdict.outcome) throw alteredVerdict(verdict, digest);
    if (same) return { verdict, digest };
  }
  return undefined;
}

function sameSettings({ task, label, weight, predict }: Verdict, { settings }: Identity): boolean {
  const now = settings.evaluate;
  return isDeepStrictEqual(
    [task, label, weight, predict],
    [now.task, now.label, now.weight ?? null, now.predict ?? null],
  );
}

/** One that an earlier or later program wrote in its own way counts for nothing: the gate decides again. */
function readable(bytes: Uint8Array): Verdict | undefined {
  try {
    return parseVerdict(bytes);
  } catch (error) {
    if (error instanceof EdgeloopError && error.code === 'verdict-invalid') return undefined;
    throw error;
  }
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
    goldenFile: join(folder, GOLDEN_FILE),
    memoryBytes: card.requirements.memoryBytes,
    digest: descriptor.digest,
    bytes: card.requirements.modelBytes,
    modelSignature: card.modelSignature,
    featureOrder: card.featureOrder,
  };
}

/** What the gate is asked for, as a verdict records it. */
export function rulesOf({ settings }: Pick<Identity, 'settings'>): Verdict['rules'] {
  const { metrics, budget, slices, checks } = settings.evaluate;
  // Through JSON, so that rules compare as they are recorded: without keys that are undefined.
  return JSON.parse(JSON.stringify({ metrics, budget, slices, checks }));
}
