import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  chooseGolden,
  type FeatureOrder,
  featureOrderOf,
  goldenInputs,
  type Predictions,
  readPredictions,
  referenceStatistics,
  scoreHoldout,
} from '../evaluation/index.ts';
import {
  type Card,
  CARD_FILE,
  cardSchema,
  GOLDEN_FILE,
  goldenToJson,
  MODEL_FILE,
  type ModelFile,
  peakMemory,
  readModelFile,
  type Session,
  startSession,
  type Tensor,
} from '../onnx/index.ts';
import {
  GOLDEN_INPUTS_FILE,
  readTrainerFile,
  removeTrainerFile,
  type TrainerFile,
  withLabels,
} from '../training/index.ts';
import type { Identity, Provenance } from './identify.ts';
import { predictorOf } from './predict.ts';
import type { Job } from './train.ts';
import type { Workspace } from './workspace.ts';

/** What a session host holds differs a little from run to run; a card must not. */
const MEMORY_STEP = 64 * 1024 * 1024;

/** How a model came to be: by which job, from which data. */
export interface Making extends Provenance {
  job: Job;
  /** Absolute paths of files of the training data: all of them, or a sample. */
  data: readonly string[];
}

/** Scores the fresh model on the holdout and writes its golden samples and card beside it. */
export async function describeCandidate(
  workspace: Workspace,
  identity: Identity,
  folder: string,
  making: Making,
): Promise<{ card: Card; predictions: Predictions }> {
  const modelFile = join(folder, MODEL_FILE);
  const file = await readModelFile(modelFile);
  const trainer = await readTrainerFile(folder);
  await removeTrainerFile(folder);
  const model = { ...file, modelSignature: withLabels(file.modelSignature, trainer.labels) };
  const session = await startSession({ modelFile, signal: workspace.deps.signal });
  try {
    const fresh = { folder, model, trainer, session };
    const { predictions, order, golden } = await scoreFresh(workspace, identity, fresh);
    const memory = await peakMemory(session.pid);
    const samples = JSON.stringify(goldenToJson(golden.inputs, golden.outputs));
    await writeFile(join(folder, GOLDEN_FILE), `${samples}\n`);
    const statistics = await referenceStatistics(making.data, model.modelSignature, order?.columns);
    const card = cardOf(identity, making, {
      model,
      provider: session.info.provider,
      memory,
      order,
      notes: trainer.notes,
      statistics,
    });
    await writeFile(join(folder, CARD_FILE), `${JSON.stringify(card, null, 2)}\n`);
    return { card, predictions };
  } finally {
    await session.close();
  }
}

interface Fresh {
  folder: string;
  model: ModelFile;
  trainer: TrainerFile;
  session: Session;
}

interface Scored {
  predictions: Predictions;
  order: FeatureOrder | undefined;
  golden: { inputs: Tensor[]; outputs: Tensor[] };
}

async function scoreFresh(workspace: Workspace, identity: Identity, fresh: Fresh): Promise<Scored> {
  const { settings, paths } = identity;
  const { label, task, weight } = settings.evaluate;
  const { session, trainer, folder } = fresh;
  const { modelSignature } = fresh.model;
  const { featureOrder } = trainer;
  const said = { modelSignature, label, task, weight, featureOrder, holdout: paths.holdout };
  const goldenFile = join(folder, GOLDEN_INPUTS_FILE);
  const predictor = predictorOf(workspace, identity);
  if (predictor === undefined) {
    await rm(goldenFile, { force: true });
    const order = await featureOrderOf(said, paths.holdout);
    const predictions = await scoreHoldout({ ...said, session });
    return { predictions, order, golden: await chooseGolden({ ...said, session, predictions }) };
  }
  const inputs = await goldenInputs(modelSignature, goldenFile, { label, featureOrder });
  await rm(goldenFile, { force: true });
  const golden = { inputs, outputs: await session.run(inputs) };
  try {
    const file = await predictor.predict(join(folder, MODEL_FILE));
    const predictions = await readPredictions({ ...said, file });
    return { predictions, order: featureOrder && { columns: featureOrder, from: 'trainer' }, golden };
  } finally {
    await predictor.dispose();
  }
}

function cardOf(
  identity: Identity,
  { commit, job, uncommitted }: Making,
  found: {
    model: ModelFile;
    provider: string;
    memory: number | undefined;
    order: FeatureOrder | undefined;
    notes: string | undefined;
    statistics: Card['statistics'];
  },
): Card {
  const { dataset, inputKey, inputs } = identity;
  const { model, provider, memory, order, notes, statistics } = found;
  return cardSchema.parse({
    schema: 'edgeloop.card/v1',
    model: identity.model,
    modelSignature: model.modelSignature,
    requirements: {
      opset: model.opset,
      executionProviders: [provider],
      modelBytes: model.bytes,
      ...(memory !== undefined && { memoryBytes: Math.ceil(memory / MEMORY_STEP) * MEMORY_STEP }),
    },
    training: {
      inputKey,
      inputs,
      commit,
      job,
      ...(uncommitted.length > 0 && { uncommitted }),
      datasetFiles: dataset.files,
      datasetBytes: dataset.bytes,
    },
    ...(order !== undefined && { featureOrder: order.columns, featureOrderFrom: order.from }),
    ...(notes !== undefined && { notes }),
    ...(statistics !== undefined && { statistics }),
  });
}
