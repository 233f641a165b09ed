import { cp, mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { misuse } from '../errors.ts';
import type { ServiceTraining, TrainedRevision, TrainingData } from '../training/index.ts';
import type { Identity, Provenance } from './identify.ts';
import { decidingFiles, isInside, lookAtCheckout, withCheckedOut } from './inputs.ts';
import { withoutSecret } from './on-github.ts';
import { requirePlannedCode, requirePlannedData } from './train.ts';
import type { Workspace } from './workspace.ts';

/** What a training on a service is made of: the code in a folder of its own, and the data where they are. */
export async function serviceTraining(
  workspace: Workspace,
  identity: Identity,
  { folder, data, origin }: { folder: string; data: string | undefined; origin: Provenance },
): Promise<ServiceTraining> {
  const { model, inputKey, settings, inputs, paths } = identity;
  const { train } = settings;
  const code = await onlyCode(workspace, identity, join(folder, 'code'));
  return {
    model,
    inputKey,
    work:
      train.job === undefined
        ? { run: inputs.command }
        : { jobFile: join(code, relativeTo(workspace, train.job)) },
    params: train.params,
    code: { folder: code },
    data: dataOf(workspace, identity, data),
    environment: 'named' in paths.environment ? paths.environment.named : undefined,
    compute: train.compute,
    instance: train.instance,
    timeoutMs: train.timeout,
    budget: { maxMinutes: train.maxMinutes, maxCost: train.maxCost, hourlyRate: train.hourlyRate },
    git: await revisionOf(workspace, origin),
  };
}

const relativeTo = ({ config }: Workspace, path: string): string =>
  relative(config.root, join(config.root, path));

/** Whether a job reads the training data where they lie: then nobody here needs all of them. */
export function isReadThere({ settings }: Identity): boolean {
  const [address = ''] = settings.data.train;
  return settings.train.target === 'azureml' && /^(azureblob:\/\/|azureml:)/i.test(address);
}

/** An address that the service reads itself; else what was brought to this disk. */
function dataOf(workspace: Workspace, identity: Identity, path: string | undefined): TrainingData {
  const { settings, dataset } = identity;
  const { digest, files, bytes } = dataset;
  const [address = ''] = settings.data.train;
  const at =
    path === undefined ? { address } : { path, requireSame: () => requirePlannedData(workspace, identity) };
  return { digest, files, bytes, at };
}

/**
 * A copy of what decides the input key and nothing else of the project, since a training must not depend on what its
 * name does not tell. Throws `code-changed` when it is not what was planned.
 */
async function onlyCode(workspace: Workspace, identity: Identity, copy: string): Promise<string> {
  const { config, sourceControl, deps } = workspace;
  const { paths } = identity;
  const files = decidingFiles(paths);
  for (const file of files) {
    if (isInside(config.root, file)) continue;
    throw misuse(
      'code-outside',
      `${file} lies outside of the folder of edgeloop.yaml, and a training on Azure ML gets nothing from there`,
      'Move it into that folder.',
    );
  }
  await mkdir(copy, { recursive: true });
  const checkedOut = await lookAtCheckout(workspace, paths);
  return withCheckedOut(workspace, paths, checkedOut, async (snapshot) => {
    if (snapshot === undefined || sourceControl === undefined) {
      for (const file of files) {
        const to = join(copy, relative(config.root, file));
        await mkdir(dirname(to), { recursive: true });
        await cp(file, to, { recursive: true });
      }
      await requirePlannedCode(workspace, identity, snapshot);
      return copy;
    }
    await requirePlannedCode(workspace, identity, snapshot);
    await snapshot.exportTo(copy, { only: files }, deps.signal);
    return join(copy, relative(sourceControl.top, config.root));
  });
}

/** What people look up who find the job in the studio. */
async function revisionOf(
  { sourceControl, deps }: Workspace,
  { commit, uncommitted }: Provenance,
): Promise<TrainedRevision | undefined> {
  if (sourceControl === undefined || commit === null) return undefined;
  const origin = await sourceControl.origin();
  const { GITHUB_HEAD_REF: head, GITHUB_REF_NAME: ref } = deps.environment;
  return {
    commit,
    branch: head || ref || undefined,
    repository: origin && withoutSecret(origin),
    isDirty: uncommitted.length > 0,
  };
}
