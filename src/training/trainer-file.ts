import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failure, isSystemError } from '../errors.ts';
import type { ModelSignature } from '../onnx/index.ts';

/** The file that a training may leave beside its model, to say what an ONNX file can't. */
export const TRAINER_FILE = 'trainer.json';

/** The file that a training may leave beside a model whose inputs are no columns: rows for its golden samples. */
export const GOLDEN_INPUTS_FILE = 'golden.npz';

const LONGEST_NOTES = 4000;
const MOST_BYTES = 1024 * 1024;

const distinct = (values: readonly unknown[]): boolean => new Set(values.map(String)).size === values.length;

const trainerFileSchema = z.strictObject({
  /** The columns of the training data in the order of the values of an input that takes several per row. */
  featureOrder: z.array(z.string().min(1)).min(1).refine(distinct, 'expected each column once').optional(),
  /** What the classes are called, by class index. */
  labels: z
    .array(z.union([z.string(), z.int()], 'expected a text or a whole number'))
    .min(2)
    .refine(distinct, 'expected each label once')
    .optional(),
  /** For the reader of the card. */
  notes: z.string().max(LONGEST_NOTES).optional(),
});

export type TrainerFile = z.infer<typeof trainerFileSchema>;

/** Reads `trainer.json` of a training's output folder; empty when there is none. Throws `trainer-file-invalid`. */
export async function readTrainerFile(folder: string): Promise<TrainerFile> {
  const file = join(folder, TRAINER_FILE);
  const text = await readText(file);
  if (text === undefined) return {};
  const parsed = trainerFileSchema.safeParse(parseJson(file, text));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const where = path.length === 0 ? '' : `"${path.join('.')}": `;
    return `${where}${message.replace('Invalid input: ', '')}`;
  });
  throw invalid(`${file}: ${problems.join('; ')}`);
}

/**
 * The model signature with the training's labels, where the ONNX file names none or only the class indices 0, 1, ...
 * Throws `labels-disagree` when it names others, or another number of them.
 */
export function withLabels(modelSignature: ModelSignature, labels: TrainerFile['labels']): ModelSignature {
  const own = modelSignature.labels;
  if (labels === undefined) return modelSignature;
  const replaceable = own === undefined || own.every((label, index) => label === index);
  const sameCount = own === undefined || own.length === labels.length;
  if (replaceable && sameCount) return { ...modelSignature, labels };
  if (own.map(String).join('\n') === labels.map(String).join('\n')) return modelSignature;
  throw failure(
    'labels-disagree',
    `${TRAINER_FILE} names the labels ${JSON.stringify(labels)}, the model ${JSON.stringify(own)}.`,
    `Correct the training, or leave "labels" out of ${TRAINER_FILE}: the model names its labels itself.`,
  );
}

/** Removes it, so that a model's folder holds only what is packed. */
export async function removeTrainerFile(folder: string): Promise<void> {
  await rm(join(folder, TRAINER_FILE), { force: true });
}

async function readText(file: string): Promise<string | undefined> {
  try {
    const { size } = await stat(file);
    if (size > MOST_BYTES) throw invalid(`${file} has ${size} bytes, more than ${MOST_BYTES}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    if (isSystemError(error, 'EISDIR')) throw invalid(`${file} is a folder`, error);
    if (error instanceof TypeError) throw invalid(`${file} is not UTF-8 text`, error);
    throw error;
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`${file} is not JSON`, error);
  }
}

function invalid(what: string, cause?: unknown): Error {
  return failure(
    'trainer-file-invalid',
    what,
    'The training may leave {"featureOrder": [column, ...], "labels": [text or integer, ...], "notes": text} there, each part optional, and nothing else.',
    cause === undefined ? {} : { cause },
  );
}
