import type { ModelVersion, ModelVersionProperties } from '@azure/arm-machinelearning';
import { isRestError } from '@azure/core-rest-pipeline';
import { failure } from '../../errors.ts';
import { ANNOTATION } from '../../oci/index.ts';
import { ML_TAG } from './job-names.ts';
import type { MlWorkspace } from './workspace.ts';

/**
 * Tags and properties of a registered release; the names of the annotations where there is one (DESIGN 8.4). Its
 * identity is `version` and `modelManifest`.
 */
export const MODEL_TAG = {
  ...ML_TAG,
  version: ANNOTATION.version,
  modelManifest: ANNOTATION.modelManifest,
  image: 'dev.edgeloop.image',
  verdict: 'dev.edgeloop.verdict',
  gitTag: 'dev.edgeloop.git-tag',
  commit: 'org.opencontainers.image.revision',
  job: ANNOTATION.job,
  /** Followed by the metric's name. */
  metric: 'dev.edgeloop.metric.',
  archived: 'dev.edgeloop.archived',
} as const;

/** A version that Azure ML lists of a model. */
export interface RegisteredModel {
  /** Azure ML's own version: an integer, which says nothing of ours. */
  number: number;
  /** The semver that it was registered as; undefined when it is none of ours. */
  version: string | undefined;
  /** The ModelPack manifest's. */
  digest: string | undefined;
  isArchived: boolean;
}

/** A release as it is to be registered. */
export interface ModelToRegister {
  description: string;
  /** `azureml://…` of the folder that holds the files; another one for each ModelPack manifest. */
  uri: string;
  /** The job of this workspace that trained it: the studio leads from the model to it. */
  jobName: string | undefined;
  /** Cannot be changed any more; must have `MODEL_TAG.version` and `MODEL_TAG.modelManifest`. */
  properties: Record<string, string>;
  /** What people search for. */
  tags: Record<string, string>;
}

/** How often a number is taken by another registration, one after the other. */
const TRIES = 20;

/** All versions of a model, the newest first; archived ones only when they are asked for. Empty where there is none. */
export async function listModels(
  ml: MlWorkspace,
  model: string,
  listViewType: 'ActiveOnly' | 'All' = 'ActiveOnly',
): Promise<RegisteredModel[]> {
  const found = await ml.finding(`listing the registered versions of ${model}`, () =>
    Array.fromAsync(ml.client.modelVersions.list(...ml.at, model, { listViewType })),
  );
  return (found ?? [])
    .map(registered)
    .filter(({ number }) => Number.isSafeInteger(number))
    .toSorted((a, b) => b.number - a.number);
}

function registered({ name, properties: { properties, isArchived = false } }: ModelVersion): RegisteredModel {
  return {
    number: Number(name),
    version: properties?.[MODEL_TAG.version] ?? undefined,
    digest: properties?.[MODEL_TAG.modelManifest] ?? undefined,
    isArchived,
  };
}

/**
 * Registers a release under the next free number, and answers it; where it is registered already, by whomever, the
 * number that it has. A PUT for a number that is taken is no create: Azure ML refuses to change a path ("Asset paths
 * cannot be updated") and keeps properties, so that of two that want one number one gets it, and the other sees it.
 */
export async function registerModel(
  ml: MlWorkspace,
  model: string,
  wanted: ModelToRegister,
): Promise<number> {
  const { [MODEL_TAG.version]: version, [MODEL_TAG.modelManifest]: digest } = wanted.properties;
  const isWanted = (one: RegisteredModel) =>
    !one.isArchived && one.version === version && one.digest === digest;
  let tried = 0;
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const listed = await listModels(ml, model, 'All');
    const same = listed.find(isWanted);
    if (same !== undefined) return same.number;
    tried = Math.max(tried, listed[0]?.number ?? 0) + 1;
    const answer = await put(ml, model, tried, wanted);
    if (answer !== undefined && isWanted(answer)) return tried;
  }
  throw failure(
    'model-numbers-taken',
    `${TRIES} numbers of ${model} in the workspace "${ml.settings.workspace}" were taken one after the other, up to ${tried}`,
    'Run it again when nobody else registers versions of that model.',
  );
}

/** `undefined` when the number is somebody else's. */
async function put(
  ml: MlWorkspace,
  model: string,
  number: number,
  { description, uri, jobName, properties, tags }: ModelToRegister,
): Promise<RegisteredModel | undefined> {
  const at = [...ml.at, model, String(number)] as const;
  const body: ModelVersionProperties = {
    description,
    modelType: 'custom_model',
    modelUri: uri,
    ...(jobName !== undefined && { jobName }),
    properties,
    tags,
  };
  return ml.asking(`registering ${model} as number ${number}`, async () => {
    try {
      return registered(await ml.client.modelVersions.createOrUpdate(...at, { properties: body }));
    } catch (error) {
      if (!isRestError(error) || (error.statusCode !== 400 && error.statusCode !== 409)) throw error;
      const taken = await ml.finding(`reading ${model}:${number}`, () => ml.client.modelVersions.get(...at));
      if (taken === undefined) throw error;
      return undefined;
    }
  });
}

/** Takes a version out of all lists, and keeps it: what refers to it still finds it. `why` becomes a tag. */
export async function archiveModel(
  ml: MlWorkspace,
  model: string,
  number: number,
  why: string,
): Promise<void> {
  const at = [...ml.at, model, String(number)] as const;
  await ml.asking(`archiving ${model}:${number}`, async () => {
    const { properties } = await ml.client.modelVersions.get(...at);
    const tags = { ...properties.tags, [MODEL_TAG.archived]: why };
    await ml.client.modelVersions.createOrUpdate(...at, {
      properties: { ...properties, isArchived: true, tags },
    });
  });
}
