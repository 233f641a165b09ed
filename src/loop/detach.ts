import { rm } from 'node:fs/promises';
import { misuse } from '../errors.ts';
import type { ServiceJob } from '../training/index.ts';
import { requireSoundHoldout } from './candidate.ts';
import { requireSoundData } from './data-checks.ts';
import type { Plan } from './plan.ts';
import { inspect, withPlan } from './retrain.ts';
import { isReadThere } from './service-training.ts';
import { provideData } from './train.ts';
import { submitJob } from './train-on-azure.ts';
import { modelConfig } from '../config/index.ts';
import { workPath, type Workspace } from './workspace.ts';

/** A training that goes on without us. */
export interface DetachedTraining {
  plan: Plan;
  job: ServiceJob;
}

/**
 * Submits a model's training and leaves it; a later `retrain` takes it up. `undefined` when there is nothing to leave: it
 * was trained before, or its job has ended.
 */
export async function detachTraining(
  workspace: Workspace,
  model: string,
): Promise<DetachedTraining | undefined> {
  if (modelConfig(workspace.config, model).train.target === 'local') {
    throw misuse(
      'detach-local',
      `${model} is trained on this machine, and such a training ends with the command that waits for it`,
      'Leave out --detach, or train on Azure ML: "target: azureml".',
    );
  }
  return withPlan(workspace, model, {}, async ({ origin, plan }) => {
    const { identity, candidate } = plan;
    if (candidate !== undefined) return undefined;
    requireSoundData(identity, await inspect(workspace, plan));
    await requireSoundHoldout(workspace, identity);
    const folder = workPath(workspace, 'training', identity.inputKey);
    await rm(folder, { recursive: true, force: true });
    try {
      const data = isReadThere(identity) ? undefined : await provideData(workspace, identity, folder);
      const job = await submitJob(workspace, identity, { folder, data, origin });
      return job.isEnded ? undefined : { plan, job };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
