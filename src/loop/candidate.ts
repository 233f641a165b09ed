import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeDataset } from '../dataset/index.ts';
import { messageOf } from '../errors.ts';
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
import { TRAINING_LOG_ARTIFACT_TYPE, trainLocally } from '../training/index.ts';
import { readCard } from './releases.ts';
import type { Identity, Provenance } from './identify.ts';
import { candidateTag, DATASET_ARTIFACT_TYPE } from './plan.ts';
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

type Job = NonNullable<Card['training']>['job'];

interface Made {
  job: Job;
  /** File with all that the training printed; absent when there is nothing in it or something is missing. */
  log?: string;
}

/**
 * Trains (or takes the model that lies in `from`), packs the result once with its card and golden samples, and keeps
 * it under `in-<input key>`; a model made from uncommitted changes is only packed, and stays in its folder.
 */
export async function makeCandidate(
  workspace: Workspace,
  identity: Identity,
  origin: Provenance,
  from?: string,
): Promise<Candidate> {
  const { model, inputKey, settings, paths } = identity;
  const { label, task } = settings.evaluate;
  // A mistake in the holdout must not cost a training.
  await checkHoldout({ holdout: paths.holdout, label, task });
  const folder = workPath(workspace, 'training', inputKey);
  await rm(folder, { recursive: true, force: true });
  const output = join(folder, 'output');
  try {
    const { job, log }: Made =
      from === undefined
        ? await runTraining(workspace, identity, output)
        : { job: await takeModel(from, output) };
    const { card, predictions } = await describeCandidate(workspace, identity, output, { ...origin, job });
    const path = workPath(workspace, 'candidates', model, inputKey);
    await rm(path, { recursive: true, force: true });
    await mkdir(workPath(workspace, 'candidates', model), { recursive: true });
    await rename(output, path);
    return { path, descriptor: await keep(workspace, identity, path, card, log), card, predictions };
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
  const { digest } = await describeDataset(folder);
  return { target: 'elsewhere', name: `elsewhere-${digest.slice('sha256:'.length, 'sha256:'.length + 12)}` };
}

/** Whether a candidate is what `--from` would make of this folder. Throws `model-unreadable` when it holds no model. */
export async function isFrom(candidate: Candidate, from: string): Promise<boolean> {
  const { externalData } = await readModelFile(join(from, MODEL_FILE));
  const same = await Promise.all(
    [MODEL_FILE, ...externalData].map(async (file) => {
      const [theirs, ours] = await Promise.all([
        describeDataset(join(from, file)),
        describeDataset(join(candidate.path, file)),
      ]);
      return theirs.digest === ours.digest;
    }),
  );
  return same.every(Boolean);
}

async function runTraining(workspace: Workspace, identity: Identity, output: string): Promise<Made> {
  const { settings, model, paths, inputKey } = identity;
  const { log, environment, signal, followTraining } = workspace.deps;
  log('info', `training ${model}`, { inputKey });
  const params = Object.fromEntries(
    Object.entries(settings.train.params).map(([name, value]) => [name, String(value)]),
  );
  const logFile = workPath(workspace, 'logs', model, `${inputKey}.log`);
  const follower = followTraining(model);
  const { seconds, printed, logProblem } = await trainLocally(
    {
      model,
      run: settings.train.run,
      folder: workspace.config.root,
      inputs: { ...params, train: paths.train },
      output,
      logFile,
      timeoutMs: settings.train.timeout,
    },
    { onLine: follower.line, environment, signal },
  ).finally(follower.end);
  log('info', `trained ${model} in ${seconds.toFixed(1)} s`);
  const complete = logProblem === undefined;
  if (!complete) log('warn', `the log of the training is incomplete: ${messageOf(logProblem)}`, { logFile });
  const job: Job = { target: 'local', name: `edgeloop-${model}-${inputKey.slice(0, 12)}` };
  return printed && complete ? { job, log: logFile } : { job };
}

/** Scores the fresh model on the holdout and writes its golden samples and card beside it. */
async function describeCandidate(
  workspace: Workspace,
  identity: Identity,
  folder: string,
  { uncommitted, ...made }: Provenance & { job: Job },
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
    const statistics = await referenceStatistics(trainingFiles(identity), modelSignature);
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
        datasetFiles: dataset.files.length,
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

function trainingFiles({ dataset, paths }: Identity): string[] {
  const [only] = dataset.files;
  const single = dataset.files.length === 1 && only !== undefined && paths.train.endsWith(`/${only.path}`);
  return single ? [paths.train] : dataset.files.map((file) => join(paths.train, file.path));
}

async function keep(
  workspace: Workspace,
  identity: Identity,
  folder: string,
  card: Card,
  log?: string,
): Promise<Descriptor> {
  const { model, inputKey, dataset } = identity;
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
  await writeArtifact(repository, {
    artifactType: DATASET_ARTIFACT_TYPE,
    mediaType: DATASET_ARTIFACT_TYPE,
    bytes: dataset.manifest,
    subject: packed.descriptor,
  });
  if (log !== undefined) {
    await writeArtifact(repository, {
      artifactType: TRAINING_LOG_ARTIFACT_TYPE,
      mediaType: TRAINING_LOG_ARTIFACT_TYPE,
      bytes: await readFile(log),
      subject: packed.descriptor,
    });
  }
  // The tag comes last: who finds it finds everything.
  await pushModel(repository, packed, { tag: candidateTag(inputKey) });
  return packed.descriptor;
}
