import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MlWorkspace } from '../azure/ml/workspace.ts';
import { EdgeloopError, failure } from '../errors.ts';
import { PULL_MARKER, pullModel } from '../oci/index.ts';
import type { Release } from '../versioning/index.ts';
import { requireAzure } from './azure-workspace.ts';
import type { Mirror } from './mirror.ts';
import { readCard } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** The releases as registered models of the Azure Machine Learning workspace: one version there for each, by its properties. */
export function azureModels(workspace: Workspace): Mirror {
  const name = `models of the Azure ML workspace ${requireAzure(workspace.config).workspace}`;
  const listed = async (model: string) => {
    const { listModels } = await import('../azure/ml/models.ts');
    return listModels(await workspace.azure(), model);
  };
  /** Those that say that they are this release; whether they are is another matter. */
  const entriesOf = async ({ lock: { model }, version }: Release) =>
    (await listed(model)).filter((entry) => entry.version === version);
  return {
    name,
    async read(model) {
      return (await listed(model)).flatMap(({ version, digest }) =>
        version === undefined ? [] : [{ version, digest }],
      );
    },
    async write(release) {
      const { lock, version } = release;
      try {
        const entries = await entriesOf(release);
        if (entries.some(({ digest }) => digest === lock.modelManifest)) return;
        const [other] = entries;
        if (other === undefined) return await register(workspace, name, release);
        throw failure(
          'mirror-disagrees',
          `${name}: ${lock.model}:${other.number} is ${version} with ${other.digest ?? 'no ModelPack manifest'}, not with ${lock.modelManifest}`,
          `See who wrote it; then have it registered anew: edgeloop verify ${lock.model} --repair`,
        );
      } catch (error) {
        workspace.deps.signal.throwIfAborted();
        if (!(error instanceof EdgeloopError) || error.code === 'mirror-disagrees') throw error;
        throw failure(
          'model-unregistered',
          `${lock.model} ${version} is released and not yet among the ${name}`,
          `${error.remedy} Then finish it: edgeloop release ${lock.model}`,
          { cause: error },
        );
      }
    },
    async repair(release) {
      const { lock, tag } = release;
      const entries = await entriesOf(release);
      // First what is right, so that a cut leaves more than was there.
      if (entries.every(({ digest }) => digest !== lock.modelManifest))
        await register(workspace, name, release);
      const { archiveModel } = await import('../azure/ml/models.ts');
      for (const { number, digest } of entries) {
        if (digest === lock.modelManifest) continue;
        const why = `${tag} means ${lock.modelManifest}`;
        await archiveModel(await workspace.azure(), lock.model, number, why);
      }
    },
  };
}

async function register(workspace: Workspace, name: string, release: Release): Promise<void> {
  const { MODEL_TAG, registerModel } = await import('../azure/ml/models.ts');
  const { lock, version, tag } = release;
  const { model, metric } = lock;
  const ml = await workspace.azure();
  const job = (await readCard(workspace, model, lock.modelManifest)).training?.job;
  const searchable = {
    [MODEL_TAG.model]: model,
    [MODEL_TAG.version]: version,
    [MODEL_TAG.modelManifest]: lock.modelManifest,
    [MODEL_TAG.inputKey]: lock.inputKey,
    [MODEL_TAG.dataset]: lock.dataset,
    ...(metric !== undefined && { [`${MODEL_TAG.metric}${metric.name}`]: String(metric.value) }),
  };
  const number = await registerModel(ml, model, {
    description: `${model} ${version}: ${lock.reasons.join('; ')}`,
    uri: await upload(workspace, ml, release),
    jobName: job?.target === 'azureml' ? job.name : undefined,
    tags: searchable,
    properties: {
      ...searchable,
      [MODEL_TAG.image]: lock.image,
      [MODEL_TAG.verdict]: lock.verdict,
      [MODEL_TAG.gitTag]: tag,
      ...(lock.trainedCommit !== null && { [MODEL_TAG.commit]: lock.trainedCommit }),
      ...(job !== undefined && { [MODEL_TAG.job]: job.name }),
    },
  });
  workspace.deps.log('info', `${model} ${version} is ${model}:${number} among the ${name}`);
}

/**
 * Azure ML takes no files from a registry. What it gets are the released ones, card and golden samples among them, byte
 * for byte: the output of a job has no card, and can be deleted with its job.
 */
async function upload(workspace: Workspace, ml: MlWorkspace, { lock }: Release): Promise<string> {
  const { model, modelManifest } = lock;
  const { uploadFolder } = await import('../azure/ml/assets/datastore-upload.ts');
  const hex = modelManifest.slice('sha256:'.length);
  const scratch = await mkdtemp(join(tmpdir(), 'edgeloop-register-'));
  try {
    const folder = join(scratch, 'model');
    await pullModel(repositoryOf(workspace, model), modelManifest, folder, { signal: workspace.deps.signal });
    await rm(join(folder, PULL_MARKER));
    return await uploadFolder(ml, folder, `edgeloop/releases/${model}/${hex}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
