import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeFiles } from '../dataset/index.ts';
import {
  checkHoldout,
  chooseGolden,
  type Predictions,
  referenceStatistics,
  scoreHoldout,
} from '../evaluation/index.ts';
import {
  ANNOTATION,
  type Descriptor,
  digestOf,
  packModel,
  pullModel,
  pushModel,
  writeArtifact,
} from '../oci/index.ts';
import {
  type Card,
  CARD_FILE,
  cardSchema,
  GOLDEN_FILE,
  goldenToJson,
  MODEL_FILE,
  readModelFile,
  startSession,
} from '../onnx/index.ts';
import { TRAINING_LOG_ARTIFACT_TYPE } from '../training/index.ts';
import { readCard } from './releases.ts';
import type { Identity, Provenance } from './identify.ts';
import { candidateTag, CODE_ARTIFACT_TYPE, DATASET_ARTIFACT_TYPE } from './plan.ts';
import { filesIn, type Job, provideData, runTraining, type Trained } from './train.ts';
import { repositoryOf, workPath, type Workspace } from './workspace.ts';

/** A trained and packed model that waits for a verdict or a release. */
export interface Candidate {
  /** Folder with its files. */
  path: string;
  descriptor: Descriptor;
  card: Card;
  /** What it says about the holdout, when it was scored while it was made. */
  predictions?: Predictions;
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

/**
 * Trains (or takes the model that lies in `from`), packs the result once with its card and golden samples, and keeps
 * it under `in-<input key>`; a model made from uncommitted changes is only packed, and stays in its folder. Throws
 * `tag-exists` when there is another candidate of these inputs, unless its tag may be moved.
 */
export async function makeCandidate(
  workspace: Workspace,
  identity: Identity,
  { origin, from, moveTag = false }: { origin: Provenance; from: string | undefined; moveTag?: boolean },
): Promise<Candidate> {
  const { model, inputKey, settings, paths } = identity;
  const { label, task } = settings.evaluate;
  // A mistake in the holdout must not cost a training.
  await checkHoldout({ holdout: paths.holdout, label, task });
  const folder = workPath(workspace, 'training', inputKey);
  await rm(folder, { recursive: true, force: true });
  const output = join(folder, 'output');
  try {
    const data = await provideData(workspace, identity, folder);
    const { job, log }: Trained =
      from === undefined
        ? await runTraining(workspace, identity, { folder, data, output })
        : { job: await takeModel(from, output) };
    const described = { ...origin, job, data };
    const { card, predictions } = await describeCandidate(workspace, identity, output, described);
    const path = workPath(workspace, 'candidates', model, inputKey);
    await rm(path, { recursive: true, force: true });
    await mkdir(workPath(workspace, 'candidates', model), { recursive: true });
    await rename(output, path);
    return {
      path,
      descriptor: await keep(workspace, identity, path, { card, log, moveTag }),
      card,
      predictions,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies a model and its external data, nothing else that may lie beside them. */
async function takeModel(from: string, output: string): Promise<Job> {
  const { externalData } = await readModelFile(join(from, MODEL_FILE));
  for (const file of [MODEL_FILE, ...externalData]) {
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
  return same.every(Boolean);
}

/** Scores the fresh model on the holdout and writes its golden samples and card beside it. */
async function describeCandidate(
  workspace: Workspace,
  identity: Identity,
  folder: string,
  { uncommitted, data, ...made }: Provenance & { job: Job; data: string },
): Promise<{ card: Card; predictions: Predictions }> {
  const { settings, paths, dataset } = identity;
  const modelFile = join(folder, MODEL_FILE);
  const file = await readModelFile(modelFile);
  const { modelSignature } = file;
  const session = await startSession({ modelFile, signal: workspace.deps.signal });
  try {
    const { label, task } = settings.evaluate;
    const predictions = await scoreHoldout({ session, modelSignature, holdout: paths.holdout, label, task });
    const golden = await chooseGolden({ session, modelSignature, holdout: paths.holdout, predictions });
    await writeFile(
      join(folder, GOLDEN_FILE),
      `${JSON.stringify(goldenToJson(golden.inputs, golden.outputs))}\n`,
    );
    const statistics = await referenceStatistics(await filesIn(data), modelSignature);
    const card = cardSchema.parse({
      schema: 'edgeloop.card/v1',
      model: identity.model,
      modelSignature,
      requirements: {
        opset: file.opset,
        executionProviders: [session.info.provider],
        modelBytes: file.bytes,
      },
      training: {
        inputKey: identity.inputKey,
        inputs: identity.inputs,
        ...made,
        ...(uncommitted.length > 0 && { uncommitted }),
        datasetFiles: dataset.files,
        datasetBytes: dataset.bytes,
      },
      ...(statistics !== undefined && { statistics }),
    });
    await writeFile(join(folder, CARD_FILE), `${JSON.stringify(card, null, 2)}\n`);
    return { card, predictions };
  } finally {
    await session.close();
  }
}

async function keep(
  workspace: Workspace,
  identity: Identity,
  folder: string,
  { card, log, moveTag }: { card: Card; log: string | undefined; moveTag: boolean },
): Promise<Descriptor> {
  const { model, inputKey, dataset, code } = identity;
  const commit = card.training?.commit ?? null;
  const repository = repositoryOf(workspace, model);
  const packed = await packModel(folder, {
    model,
    annotations: {
      'org.opencontainers.image.title': model,
      ...(commit !== null && { 'org.opencontainers.image.revision': commit }),
      [ANNOTATION.inputKey]: inputKey,
      [ANNOTATION.dataset]: dataset.digest,
      [ANNOTATION.modelSignature]: digestOf(Buffer.from(JSON.stringify(card.modelSignature))),
      [ANNOTATION.job]: card.training?.job.name ?? '',
    },
  });
  // Nobody else could see what made it: it stays in its folder.
  if (card.training?.uncommitted !== undefined) return packed.descriptor;
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
  // The tag comes last: who finds it finds everything.
  await pushModel(repository, packed, { tag: candidateTag(inputKey), moveTag });
  return packed.descriptor;
}
