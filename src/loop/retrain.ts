import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verdict } from '../evaluation/index.ts';
import { renderReport } from '../report/index.ts';
import { nextVersion, type NextVersion } from '../versioning/index.ts';
import { type Candidate, reuseCandidate, trainCandidate } from './candidate.ts';
import { committed } from './identify.ts';
import { judgeCandidate } from './judge.ts';
import { type Plan, planModel } from './plan.ts';
import { findHighest } from './releases.ts';
import { workPath, type Workspace } from './workspace.ts';

export interface RetrainResult {
  plan: Plan;
  /** True when nothing was trained: these inputs had been trained before. */
  reused: boolean;
  candidate: Candidate;
  verdict: Verdict;
  /** The version that `release` would give; undefined when the gate refused or nothing changed. */
  next: NextVersion | undefined;
  /** Path of the Markdown report. */
  report: string;
}

/** Plans, trains or reuses, evaluates against the champion, gates, and keeps candidate, verdict and report. */
export async function retrainModel(workspace: Workspace, model: string): Promise<RetrainResult> {
  const plan = await planModel(workspace, model);
  const { identity, champion } = plan;
  const commit = await committed(workspace, identity);
  const candidate =
    plan.candidate === undefined
      ? await trainCandidate(workspace, identity, commit)
      : await reuseCandidate(workspace, model, plan.candidate);
  const { verdict } = await judgeCandidate(workspace, identity, candidate, champion);
  const isChampion = candidate.descriptor.digest === champion?.digest;
  const next =
    verdict.outcome === 'fail' || isChampion
      ? undefined
      : nextVersion(await findHighest(workspace, model), candidate.card);
  const report = await writeReport(workspace, { plan, verdict, next }, commit);
  return { plan, reused: plan.candidate !== undefined, candidate, verdict, next, report };
}

async function writeReport(
  workspace: Workspace,
  { plan, verdict, next }: Pick<RetrainResult, 'plan' | 'verdict' | 'next'>,
  commit: string | null,
): Promise<string> {
  const { model, inputKey } = plan.identity;
  const markdown = renderReport({
    verdict,
    ...(plan.champion !== undefined && {
      championVersion: plan.champion.version,
      championBytes: plan.champion.card.requirements.modelBytes,
      changes: plan.reasons,
    }),
    ...(next !== undefined && { next }),
    reproduce: [...(commit === null ? [] : [`git checkout ${commit}`]), `npx edgeloop retrain ${model}`],
  });
  const folder = workPath(workspace, 'reports', model);
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${inputKey}.md`);
  await writeFile(file, markdown);
  return file;
}
