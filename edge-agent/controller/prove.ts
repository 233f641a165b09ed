import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSystemError, messageOf, refusal } from '../../src/errors.ts';
import {
  CARD_FILE,
  type Card,
  compareOutputs,
  GOLDEN_FILE,
  hasNonFinite,
  MODEL_FILE,
  parseCard,
  parseGolden,
  signatureDifferences,
  type Tensor,
} from '../../src/onnx/index.ts';
import type { OperationResult } from '../messages.ts';
import { type Context, versionFolder } from './context.ts';
import type { Version } from './device-state.ts';

/** A version's files as they were read and checked from its folder. */
export interface StagedVersion {
  modelFile: string;
  card: Card;
  /** Undefined when the model has none: then nothing proves that this device computes the same numbers. */
  golden: ReturnType<typeof parseGolden> | undefined;
}

const WARM_UP_RUNS = 5;

const refused = (code: string, message: string, cause?: unknown) =>
  refusal(
    code,
    message,
    'Roll out another version; this digest is not tried again on this device.',
    cause === undefined ? {} : { cause },
  );

/** Reads card and golden samples of a version from its folder. Throws when one is missing or wrong. */
export async function stage(context: Context, model: string, { digest }: Version): Promise<StagedVersion> {
  const folder = versionFolder(context, model, digest);
  const card = parseCard(await readFile(join(folder, CARD_FILE)));
  const golden = await readGolden(join(folder, GOLDEN_FILE));
  return { modelFile: join(folder, MODEL_FILE), card, golden };
}

async function readGolden(file: string) {
  try {
    return parseGolden(await readFile(file));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Starts a session host for a staged version. Throws `model-load-failed`, also when the host dies meanwhile. */
export function load(
  context: Context,
  model: string,
  { version, digest }: Version,
  { modelFile, card }: StagedVersion,
): Promise<OperationResult<'load'>> {
  return context.gateway.call('load', { model, version, digest, modelFile, signature: card.modelSignature });
}

/** Compares what ONNX Runtime found in the model file with the card. Throws `model-signature-differs`. */
export function checkSignature({ card }: StagedVersion, loaded: OperationResult<'load'>): void {
  const differences = signatureDifferences(card.modelSignature, loaded.signature);
  if (differences.length === 0) return;
  throw refused(
    'model-signature-differs',
    `the model signature differs from the card: ${differences.join('; ')}`,
  );
}

/** Runs the golden samples. Throws `golden-differs` when this device computes other numbers than the trainer did. */
export async function checkGolden(
  context: Context,
  model: string,
  { digest }: Version,
  { golden }: StagedVersion,
): Promise<void> {
  if (golden === undefined) {
    context.log('warn', `${model}: no golden samples, so its numbers are not proven on this device`, {
      digest,
    });
    return;
  }
  const { outputs } = await context.gateway.call('run', { model, digest, inputs: golden.inputs });
  const comparison = compareOutputs(golden.outputs, outputs, golden.tolerance);
  if (!comparison.ok) throw refused('golden-differs', `a golden sample differs: ${comparison.reason}`);
}

/** Runs a version a few times, so that its first request is not its slowest. Throws `warm-up-failed`. */
export async function warmUp(
  context: Context,
  model: string,
  { digest }: Version,
  { golden, card }: StagedVersion,
): Promise<void> {
  const inputs = golden?.inputs ?? zeroInputs(card);
  for (let run = 0; run < WARM_UP_RUNS; run += 1) {
    const { outputs } = await context.gateway
      .call('run', { model, digest, inputs })
      .catch((error: unknown) => {
        throw refused(
          'warm-up-failed',
          `it did not compute while it was run warm: ${messageOf(error)}`,
          error,
        );
      });
    const bad = golden === undefined ? undefined : outputs.find(hasNonFinite);
    if (bad !== undefined)
      throw refused('warm-up-failed', `output "${bad.name}" is not finite while it was run warm`);
  }
}

const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = {
  BOOL: 1,
  UINT8: 1,
  INT8: 1,
  UINT16: 2,
  INT16: 2,
  FP16: 2,
  UINT32: 4,
  INT32: 4,
  FP32: 4,
  // An empty string is its length alone.
  BYTES: 4,
};

/** One row of zeros (empty strings), every dynamic dimension 1: enough to run a model that has no golden samples. */
function zeroInputs(card: Card): Tensor[] {
  return card.modelSignature.inputs
    .filter(({ optional }) => optional !== true)
    .map(({ name, dataType, shape: spec }) => {
      const shape = spec.map((size) => size ?? 1);
      const elements = shape.reduce((product, size) => product * size, 1);
      return { name, dataType, shape, data: new Uint8Array(elements * (BYTES_PER_ELEMENT[dataType] ?? 8)) };
    });
}
