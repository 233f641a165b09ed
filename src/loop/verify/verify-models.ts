import { modelConfig } from '../../config/index.ts';
import type { Workspace } from '../workspace.ts';
import { type RepairResult, repairModel } from './repair.ts';
import { verifyModel } from './verify-model.ts';

/** Verifies one model, or all of them, and mends first what can be mended when that is asked for. */
export async function verifyModels(
  workspace: Workspace,
  { model, repair }: { model: string | undefined; repair: boolean },
): Promise<RepairResult> {
  if (model !== undefined) modelConfig(workspace.config, model);
  const all: RepairResult = { findings: [], repaired: [] };
  for (const name of model === undefined ? Object.keys(workspace.config.models) : [model]) {
    const { findings, repaired } = repair
      ? await repairModel(workspace, name)
      : { findings: await verifyModel(workspace, name), repaired: [] };
    all.findings.push(...findings);
    all.repaired.push(...repaired);
  }
  return all;
}
