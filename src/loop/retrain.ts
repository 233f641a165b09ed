import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeloopError, messageOf, misuse } from '../errors.ts';
import type { Verdict } from '../evaluation/index.ts';
import { withLock } from '../folder-lock.ts';
import { type Level, nextVersion, type NextVersion } from '../versioning/index.ts';
import { blameSetting } from './blame-setting.ts';
import { type Candidate, isFrom, makeCandidate, reuseCandidate } from './candidate.ts';
import { inspectDataOf, requireSoundData } from './data-checks.ts';
import { provideHoldout } from './holdout.ts';
import { identify, type Identity, type Provenance, provenance } from './identify.ts';
import { judgeCandidate, recordVerdict } from './judge.ts';
import { candidateTag, type Plan, planFor } from './plan.ts';
import { factsOf, writeReport } from './report.ts';
import { findHighest, listReleases } from './releases.ts';
import { repositoryOf, workPath, type Workspace } from './workspace.ts';

/** Longer than any training: who waits is cancelled by its user, not by a clock. */
const LOCK_LIMIT_MS = 7 * 24 * 3_600_000;

export interface RetrainOptions {
  /** Takes the model that lies in this folder instead of training. */
  from?: string;
  /** Takes uncommitted changes too; the result is never kept for a release. */
  allowDirty?: boolean;
  /** False writes nothing to the registry: the result is judged, and stays in its folder. */
  keep?: boolean;
  /** Raises the version that `release` would give. */
  bump?: Level | undefined;
}

export interface RetrainResult {
  plan: Plan;
  /** True when nothing was trained: these inputs had been trained before. */
  reused: boolean;
  candidate: Candidate;
  verdict: Verdict;
  /** The version that `release` would give; undefined when the gate refused it, or it is released already. */
  next: NextVersion | undefined;
  /** Path of the Markdown report. */
  report: string;
  /** Path of the report as a page with plots. */
  html: string;
}

/**
 * Plans, trains or reuses (or takes the model that lies in the folder `from`), evaluates against the champion, gates,
 * and keeps candidate, verdict and report.
 */
export async function retrainModel(
  workspace: Workspace,
  model: string,
  options: RetrainOptions = {},
): Promise<RetrainResult> {
  return withPlan(workspace, model, options, async ({ origin, plan }) => {
    const { identity, champion } = plan;
    const data = await inspect(workspace, plan);
    // A training that the gate would refuse for its data need not be paid for.
    if (plan.candidate === undefined && options.from === undefined) requireSoundData(identity, data);
    const { candidate, reused } = await obtainCandidate(workspace, plan, {
      origin,
      from: options.from,
      keep: options.keep,
    });
    const judgement = await judgeCandidate(workspace, identity, candidate, champion, data);
    const { verdict } = judgement;
    const kept = options.keep !== false && candidate.card.training?.uncommitted === undefined;
    const released = (await listReleases(workspace, model)).find(
      ({ lock }) => lock.modelManifest === candidate.descriptor.digest,
    )?.version;
    const isNew = released === undefined && candidate.descriptor.digest !== champion?.digest;
    const next =
      verdict.outcome !== 'fail' && isNew && kept
        ? nextVersion(await findHighest(workspace, model), candidate.card, options.bump)
        : undefined;
    const facts = await factsOf(identity, candidate, judgement, {
      champion,
      changes: plan.reasons,
      next,
      released,
      commit: origin.commit,
      kept: options.keep !== false,
    });
    for (const warning of facts.warnings ?? []) workspace.deps.log('warn', warning);
    const { report, html, page } = await writeReport(workspace, identity, facts, judgement);
    if (kept) await recordVerdict(workspace, candidate, verdict, page);
    return { plan, reused, candidate, verdict, next, report, html };
  });
}

/** What `plan` finds, with the holdout on this disk, while nobody else here works on the same inputs. */
export async function withPlan<T>(
  workspace: Workspace,
  model: string,
  options: { allowDirty?: boolean },
  use: (planned: { origin: Provenance; plan: Plan }) => Promise<T>,
): Promise<T> {
  const origin = await provenance(workspace, model, options);
  const identity = await provideHoldout(workspace, await identify(workspace, model));
  // Who comes second waits here, and then finds what the first one left.
  const locks = workPath(workspace, 'locks');
  await mkdir(locks, { recursive: true });
  return withLock(
    join(locks, identity.inputKey),
    LOCK_LIMIT_MS,
    async () => use({ origin, plan: await planFor(workspace, identity) }),
    workspace.deps.signal,
  );
}

/** What the training data and the holdout are like. */
export function inspect(
  workspace: Workspace,
  { identity, champion }: Plan,
): ReturnType<typeof inspectDataOf> {
  return blameSetting(
    workspace,
    identity.model,
    ({ message }) => (message.includes(identity.paths.holdout) ? 'data.holdout' : 'data.train'),
    () => inspectDataOf(workspace, identity, champion),
  );
}

async function obtainCandidate(
  workspace: Workspace,
  plan: Plan,
  making: Making,
): Promise<{ candidate: Candidate; reused: boolean }> {
  const { identity, candidate: descriptor } = plan;
  const { from } = making;
  if (descriptor === undefined) return makeFirst(workspace, identity, making);
  const candidate = await reuseCandidate(workspace, identity.model, descriptor).catch((error: unknown) => {
    if (!isCode(error, 'blob-missing')) throw error;
    workspace.deps.log('warn', `${messageOf(error)}: training again`);
    return undefined;
  });
  if (candidate === undefined) {
    return {
      candidate: await makeAgain(workspace, identity, { ...making, lost: descriptor }),
      reused: false,
    };
  }
  if (from === undefined || (await isFrom(candidate, from))) return { candidate, reused: true };
  throw misuse(
    'already-trained',
    `these inputs were trained before, as ${descriptor.digest}, and ${from} holds another model`,
    `Use that one (edgeloop retrain ${identity.model}), or change a param, so that the other model has inputs of its own.`,
  );
}

interface Making {
  origin: Provenance;
  from: string | undefined;
  keep: boolean | undefined;
}

/** Another machine may train the same inputs meanwhile: what was kept first counts, for everybody. */
async function makeFirst(
  workspace: Workspace,
  identity: Identity,
  making: Making,
): Promise<{ candidate: Candidate; reused: boolean }> {
  try {
    return { candidate: await makeCandidate(workspace, identity, making), reused: false };
  } catch (error) {
    if (!isCode(error, 'tag-exists') || making.from !== undefined) throw error;
    const { model, inputKey } = identity;
    const first = await repositoryOf(workspace, model).resolve(candidateTag(inputKey));
    if (first === undefined) throw error;
    workspace.deps.log('warn', `another training of the same inputs was kept first: taking ${first.digest}`);
    return { candidate: await reuseCandidate(workspace, model, first), reused: true };
  }
}

/** In the place of a candidate that has lost its content; one that was released can only be made byte for byte. */
async function makeAgain(
  workspace: Workspace,
  identity: Identity,
  { lost, ...making }: Making & { lost: { digest: string } },
): Promise<Candidate> {
  const releases = await listReleases(workspace, identity.model);
  const moveTag = !releases.some(({ lock }) => lock.modelManifest === lost.digest);
  return makeCandidate(workspace, identity, { ...making, moveTag });
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof EdgeloopError && error.code === code;
