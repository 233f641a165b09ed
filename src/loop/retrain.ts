import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeloopError, messageOf, misuse } from '../errors.ts';
import { unknownCategories, type Verdict } from '../evaluation/index.ts';
import { withLock } from '../folder-lock.ts';
import type { Card } from '../onnx/index.ts';
import { renderReport } from '../report/index.ts';
import { nextVersion, type NextVersion } from '../versioning/index.ts';
import { type Candidate, isFrom, makeCandidate, reuseCandidate } from './candidate.ts';
import { identify, type Identity, type Provenance, provenance } from './identify.ts';
import { judgeCandidate, recordVerdict } from './judge.ts';
import { candidateTag, type Plan, planFor } from './plan.ts';
import { findHighest, listReleases } from './releases.ts';
import { repositoryOf, workPath, type Workspace } from './workspace.ts';

/** Longer than any training: who waits is cancelled by its user, not by a clock. */
const LOCK_LIMIT_MS = 7 * 24 * 3_600_000;

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
}

/**
 * Plans, trains or reuses (or takes the model that lies in the folder `from`), evaluates against the champion, gates,
 * and keeps candidate, verdict and report.
 */
export async function retrainModel(
  workspace: Workspace,
  model: string,
  options: { from?: string; allowDirty?: boolean } = {},
): Promise<RetrainResult> {
  const origin = await provenance(workspace, model, options);
  const identity = await identify(workspace, model);
  // Who comes second waits here, and then finds what the first one left.
  const locks = workPath(workspace, 'locks');
  await mkdir(locks, { recursive: true });
  return withLock(
    join(locks, identity.inputKey),
    LOCK_LIMIT_MS,
    async () => {
      const plan = await planFor(workspace, identity);
      const { champion } = plan;
      const { candidate, reused } = await obtainCandidate(workspace, plan, origin, options.from);
      const verdict = await judgeCandidate(workspace, identity, candidate, champion);
      const kept = candidate.card.training?.uncommitted === undefined;
      if (kept) await recordVerdict(workspace, candidate, verdict);
      const released = (await listReleases(workspace, model)).find(
        ({ lock }) => lock.modelManifest === candidate.descriptor.digest,
      )?.version;
      const isNew = released === undefined && candidate.descriptor.digest !== champion?.digest;
      const next =
        verdict.outcome !== 'fail' && isNew && kept
          ? nextVersion(await findHighest(workspace, model), candidate.card)
          : undefined;
      const report = await writeReport(workspace, { plan, candidate, verdict, next, released }, origin);
      return { plan, reused, candidate, verdict, next, report };
    },
    workspace.deps.signal,
  );
}

async function obtainCandidate(
  workspace: Workspace,
  plan: Plan,
  origin: Provenance,
  from: string | undefined,
): Promise<{ candidate: Candidate; reused: boolean }> {
  const { identity, candidate: descriptor } = plan;
  if (descriptor === undefined) return makeFirst(workspace, identity, { origin, from });
  const candidate = await reuseCandidate(workspace, identity.model, descriptor).catch((error: unknown) => {
    if (!isCode(error, 'blob-missing')) throw error;
    workspace.deps.log('warn', `${messageOf(error)}: training again`);
    return undefined;
  });
  if (candidate === undefined) {
    return {
      candidate: await makeAgain(workspace, identity, { origin, from, lost: descriptor }),
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

async function writeReport(
  workspace: Workspace,
  {
    plan,
    candidate,
    verdict,
    next,
    released,
  }: Pick<RetrainResult, 'plan' | 'candidate' | 'verdict' | 'next'> & { released: string | undefined },
  { commit }: Provenance,
): Promise<string> {
  const { model, inputKey } = plan.identity;
  const warnings = await warningsOn(candidate.card, plan.identity.paths.holdout);
  for (const warning of warnings) workspace.deps.log('warn', warning);
  const markdown = renderReport({
    verdict,
    ...(plan.champion !== undefined && {
      championVersion: plan.champion.version,
      championBytes: plan.champion.card.requirements.modelBytes,
      changes: plan.reasons,
    }),
    ...(next !== undefined && { next }),
    ...(released !== undefined && { released }),
    warnings,
    reproduce: [...(commit === null ? [] : [`git checkout ${commit}`]), `npx edgeloop retrain ${model}`],
  });
  const folder = workPath(workspace, 'reports', model);
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${inputKey}.md`);
  await writeFile(file, markdown);
  return file;
}

async function warningsOn({ training, statistics }: Card, holdout: string): Promise<string[]> {
  const warnings: string[] = [];
  if (training?.job.target === 'elsewhere') {
    warnings.push(
      'Its origin is not proven: the model was trained elsewhere and handed over; nothing shows that the data, code and params named here made it.',
    );
  }
  if (training?.uncommitted !== undefined) {
    const paths = training.uncommitted.slice(0, 5).join(', ');
    warnings.push(
      `Made from uncommitted changes (${paths}): it can't be released, and is kept in its folder only.`,
    );
  }
  for (const { column, rows, examples } of await unknownCategories(holdout, statistics ?? {})) {
    const values = examples.map((value) => `"${value}"`).join(', ');
    warnings.push(
      `${rows} ${rows === 1 ? 'row of the holdout holds' : 'rows of the holdout hold'} a ${column} that the training data do not have (${values}): the model takes it for a default.`,
    );
  }
  return warnings;
}
