import { rm } from 'node:fs/promises';
import { basename, relative } from 'node:path';
import { type DatasetFile, parseManifest, type RemoteStore } from '../dataset/index.ts';
import { EdgeloopError, refusal } from '../errors.ts';
import { checkData, type DataFindings, inspectData, type TrainingData } from '../evaluation/index.ts';
import type { Identity } from './identify.ts';
import { rulesOf } from './judge.ts';
import { DATASET_ARTIFACT_TYPE, filesOf } from './plan.ts';
import type { Released } from './releases.ts';
import { sampleData } from './sample-data.ts';
import { filesIn, provideData } from './train.ts';
import { workPath, type Workspace } from './workspace.ts';

/**
 * Looks at the data themselves: how far they are from what the champion was trained on, and whether rows of the holdout
 * are in the training data. Data that lie elsewhere are looked at in a bounded sample.
 */
export async function inspectDataOf(
  workspace: Workspace,
  identity: Identity,
  champion: Released | undefined,
): Promise<DataFindings> {
  const { label, weight, slices } = identity.settings.evaluate;
  const folder = workPath(workspace, 'checks', identity.inputKey);
  try {
    return await inspectData({
      train: await trainingData(workspace, identity, champion, folder),
      holdout: identity.paths.holdout,
      notFeatures: [label, ...(weight === undefined ? [] : [weight]), ...slices],
      reference: referenceOf(champion),
      signal: workspace.deps.signal,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Refuses data whose limits are exceeded, before a training is paid for. Throws `data-refused`. */
export function requireSoundData(identity: Identity, { record }: DataFindings): void {
  const failed = checkData({ rules: rulesOf(identity), data: record }).filter(({ passed }) => !passed);
  if (failed.length === 0) return;
  throw refusal(
    'data-refused',
    `the data of ${identity.model} were refused before anything was trained:\n  ${failed.map(({ reason }) => reason).join('\n  ')}`,
    'Mend the data; if they are meant to be so, raise the limit under evaluate.checks in edgeloop.yaml.',
  );
}

function referenceOf(champion: Released | undefined): Parameters<typeof inspectData>[0]['reference'] {
  if (champion === undefined) return { reason: 'there is no champion yet' };
  return champion.card.statistics ?? { reason: "the champion's card has no reference statistics" };
}

async function trainingData(
  workspace: Workspace,
  identity: Identity,
  champion: Released | undefined,
  folder: string,
): Promise<TrainingData> {
  const { paths, dataset, model } = identity;
  const listed = parseManifest(await dataset.manifest());
  const fresh = await filesNotIn(workspace, model, champion, listed);
  if (paths.remote !== undefined) return sampleOf(workspace, identity, paths.remote, fresh ?? listed);
  try {
    const data = await provideData(workspace, identity, folder);
    const files = await filesIn(data);
    const names = fresh && new Set(fresh.map(({ path }) => path));
    return {
      files,
      fresh: names && files.filter((file) => names.has(relative(data, file) || basename(file))),
      sampled: false,
    };
  } catch (error) {
    if (!(error instanceof EdgeloopError) || error.code !== 'dataset-absent') throw error;
    return { files: [], sampled: false, reason: 'the training data are not on this disk' };
  }
}

/** The files of the data that a champion was not trained on; `undefined` when nobody knows which it was trained on. */
async function filesNotIn(
  workspace: Workspace,
  model: string,
  champion: Released | undefined,
  listed: readonly DatasetFile[],
): Promise<DatasetFile[] | undefined> {
  const old = champion && (await filesOf(workspace, model, champion, DATASET_ARTIFACT_TYPE));
  if (old === undefined) return undefined;
  const known = new Set(old.map((file) => JSON.stringify(file)));
  return listed.filter((file) => !known.has(JSON.stringify(file)));
}

async function sampleOf(
  workspace: Workspace,
  identity: Identity,
  store: RemoteStore,
  wanted: readonly DatasetFile[],
): Promise<TrainingData> {
  const { files } = await sampleData(workspace, identity, store, wanted.length > 0 ? wanted : undefined);
  const sampled = files.length < identity.dataset.files;
  if (files.length > 0) return { files, fresh: wanted.length > 0 ? files : [], sampled };
  return { files, sampled: true, reason: 'no file of the remote data can be sampled within 64 MiB' };
}
