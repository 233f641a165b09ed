import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describeFiles } from '../dataset/index.ts';
import { checkHoldout, type Predictions } from '../evaluation/index.ts';
import { type Descriptor, packModel, pullModel, pushModel, writeArtifact } from '../oci/index.ts';
import { type Card, MODEL_FILE, readModelFile } from '../onnx/index.ts';
import {
  GOLDEN_INPUTS_FILE,
  readTrainerFile,
  TRAINER_FILE,
  TRAINING_LOG_ARTIFACT_TYPE,
} from '../training/index.ts';
import { blameSetting } from './blame-setting.ts';
import { cardAnnotations } from './card-annotations.ts';
import { describeCandidate } from './describe-candidate.ts';
import { readCard } from './releases.ts';
import type { Identity, Provenance } from './identify.ts';
import { candidateTag, CODE_ARTIFACT_TYPE, DATASET_ARTIFACT_TYPE } from './plan.ts';
import { sampleData } from './sample-data.ts';
import { isReadThere } from './service-training.ts';
import { filesIn, type Job, provideData, runTraining, type Trained } from './train.ts';
import type { SpentFacts } from '../report/index.ts';
import { repositoryOf, workPath, type Workspace } from './workspace.ts';

/** A trained and packed model that waits for a verdict or a release. */
export interface Candidate {
  /** Folder with its files. */
  path: string;
  descriptor: Descriptor;
  card: Card;
  /** What it says about the holdout, when it was scored while it was made. */
  predictions?: Predictions;
  /** What a service took to train it, when it was made now. */
  spent?: SpentFacts | undefined;
}

/** Fetches a model of the registry into the work folder, or finds it there. */
export async function fetchModel(workspace: Workspace, model: string, digest: string): Promise<string> {
  const path = workPath(workspace, 'models', model, digest.slice('sha256:'.length));
  await pullModel(repositoryOf(workspace, model), digest, path, { signal: workspace.deps.signal });
  return path;
}

/** The candidate that an earlier training of the same inputs left in the registry. */
export async function reuseCandidate(
  workspace: Workspace,
  model: string,
  descriptor: Descriptor,
): Promise<Candidate> {
  const path = await fetchModel(workspace, model, descriptor.digest);
  return { path, descriptor, card: await readCard(workspace, model, descriptor.digest) };
}

export interface CandidateMaking {
  origin: Provenance;
  from: string | undefined;
  /** False only packs it: the registry gets nothing. */
  keep?: boolean | undefined;
  moveTag?: boolean;
}

/**
 * Trains (or takes the model that lies in `from`), packs the result once with its card and golden samples, and keeps
 * it under `in-<input key>`; a model made from uncommitted changes is only packed, and stays in its folder. Throws
 * `tag-exists` when there is another candidate of these inputs, unless its tag may be moved.
 */
export async function makeCandidate(
  workspace: Workspace,
  identity: Identity,
  { origin, from, keep: kept = true, moveTag = false }: CandidateMaking,
): Promise<Candidate> {
  const { model, inputKey } = identity;
  await requireSoundHoldout(workspace, identity);
  const folder = workPath(workspace, 'training', inputKey);
  await rm(folder, { recursive: true, force: true });
  const output = join(folder, 'output');
  try {
    const data = await dataFor(workspace, identity, { folder, from });
    const { job, log, spent }: Trained =
      from === undefined
        ? await train(workspace, identity, { folder, data, output, origin })
        : { job: await takeModel(from, output) };
    const described = { ...origin, job, data: await filesToDescribe(workspace, identity, data) };
    const { card, predictions } = await describeCandidate(workspace, identity, output, described);
    const path = workPath(workspace, 'candidates', model, inputKey);
    await rm(path, { recursive: true, force: true });
    await mkdir(workPath(workspace, 'candidates', model), { recursive: true });
    await rename(output, path);
    return {
      path,
      descriptor: await keep(workspace, identity, path, { card, log, kept, moveTag }),
      card,
      predictions,
      spent,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Path of all training data on this disk; `undefined` where nothing that runs here reads them all. */
async function dataFor(
  workspace: Workspace,
  identity: Identity,
  { folder, from }: { folder: string; from: string | undefined },
): Promise<string | undefined> {
  const isElsewhere = identity.paths.remote !== undefined && from !== undefined;
  return isElsewhere || isReadThere(identity) ? undefined : provideData(workspace, identity, folder);
}

/** What the card's statistics are made of. */
async function filesToDescribe(
  workspace: Workspace,
  identity: Identity,
  data: string | undefined,
): Promise<string[]> {
  if (data !== undefined) return filesIn(data);
  const { remote } = identity.paths;
  return remote === undefined ? [] : (await sampleData(workspace, identity, remote)).files;
}

/** A mistake in the holdout must not cost a training. */
export async function requireSoundHoldout(
  workspace: Workspace,
  { model, settings: { evaluate }, paths: { holdout } }: Identity,
): Promise<void> {
  const predicted = evaluate.predict !== undefined;
  await blameSetting(workspace, model, 'data.holdout', () =>
    checkHoldout({ ...evaluate, holdout, predicted }),
  );
}

/** Where the settings say. */
async function train(
  workspace: Workspace,
  identity: Identity,
  { data, ...places }: { folder: string; data: string | undefined; output: string; origin: Provenance },
): Promise<Trained> {
  if (identity.settings.train.target === 'local' && data !== undefined)
    return runTraining(workspace, identity, { ...places, data });
  const { trainOnAzure } = await import('./train-on-azure.ts');
  return trainOnAzure(workspace, identity, { ...places, data });
}

/** Copies a model, its external data and what its training says of it, nothing else that may lie beside them. */
async function takeModel(from: string, output: string): Promise<Job> {
  const { externalData } = await readModelFile(join(from, MODEL_FILE));
  const said = [TRAINER_FILE, GOLDEN_INPUTS_FILE].filter((file) => existsSync(join(from, file)));
  for (const file of [MODEL_FILE, ...externalData, ...said]) {
    await mkdir(dirname(join(output, file)), { recursive: true });
    await cp(join(from, file), join(output, file));
  }
  return jobElsewhere(output);
}

/** Named by the model's bytes: handing over the same model again is the same job. */
async function jobElsewhere(folder: string): Promise<Job> {
  const { digest } = await describeFiles(folder);
  return { target: 'elsewhere', name: `elsewhere-${digest.slice('sha256:'.length, 'sha256:'.length + 12)}` };
}

/** Whether a candidate is what `--from` would make of this folder. Throws `model-unreadable` when it holds no model. */
export async function isFrom(candidate: Candidate, from: string): Promise<boolean> {
  const { externalData } = await readModelFile(join(from, MODEL_FILE));
  const same = await Promise.all(
    [MODEL_FILE, ...externalData].map(async (file) => {
      const [theirs, ours] = await Promise.all([
        describeFiles(join(from, file)),
        describeFiles(join(candidate.path, file)),
      ]);
      return theirs.digest === ours.digest;
    }),
  );
  return same.every(Boolean) && (await saysTheSame(candidate.card, from));
}

async function saysTheSame(card: Card, from: string): Promise<boolean> {
  const { featureOrder, labels, notes } = await readTrainerFile(from);
  const order = card.featureOrderFrom === 'trainer' ? card.featureOrder : undefined;
  const known = labels ?? card.modelSignature.labels;
  return isDeepStrictEqual(
    [order, card.notes, card.modelSignature.labels?.map(String)],
    [featureOrder, notes, known?.map(String)],
  );
}

async function keep(
  workspace: Workspace,
  identity: Identity,
  folder: string,
  { card, log, kept, moveTag }: { card: Card; log: string | undefined; kept: boolean; moveTag: boolean },
): Promise<Descriptor> {
  const { model, inputKey, dataset, code } = identity;
  const repository = repositoryOf(workspace, model);
  const packed = await packModel(folder, { model, annotations: cardAnnotations(card) });
  // Nobody else could see what made it: it stays in its folder.
  if (!kept || card.training?.uncommitted !== undefined) return packed.descriptor;
  await pushModel(repository, packed);
  const documents: [string, Uint8Array][] = [
    [DATASET_ARTIFACT_TYPE, await dataset.manifest()],
    [CODE_ARTIFACT_TYPE, await code.manifest()],
    ...(log === undefined
      ? []
      : [[TRAINING_LOG_ARTIFACT_TYPE, await readFile(log)] satisfies [string, Uint8Array]]),
  ];
  for (const [type, bytes] of documents) {
    const subject = packed.descriptor;
    await writeArtifact(repository, { artifactType: type, mediaType: type, bytes, subject });
  }
  // By its name in the studio, whoever trained there finds it. Made again under the same name, it is the last one's.
  const { target, name } = card.training?.job ?? { target: 'local' };
  if (target === 'azureml') await pushModel(repository, packed, { tag: `job-${name}`, moveTag: true });
  // The tag comes last: who finds it finds everything.
  await pushModel(repository, packed, { tag: candidateTag(inputKey), moveTag });
  return packed.descriptor;
}
