import { z } from 'zod';
import { failure } from '../errors.ts';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** `models/<model>/model.lock.json` on a version's commit: the digests that a version means. */
export const lockSchema = z.strictObject({
  schema: z.literal('edgeloop.lock/v1'),
  model: z.string(),
  version: z.string(),
  bump: z.enum(['first', 'major', 'minor', 'patch']),
  reasons: z.array(z.string()),
  modelManifest: digest,
  image: digest,
  /** `NAME@DIGEST` of what the image was built on; absent without a base. A folder is relative to edgeloop.yaml. */
  base: z.string().optional(),
  inputKey: z.string(),
  dataset: digest,
  verdict: digest,
  /** The first of the metrics that the gate was asked for, with the candidate's value. */
  metric: z.strictObject({ name: z.string(), value: z.number() }).optional(),
  champion: digest.nullable(),
  /** The commit that was trained; the version's own commit has as parent the one that released it. */
  trainedCommit: z.string().nullable(),
});

export type Lock = z.infer<typeof lockSchema>;

/** Path of a model's lock file in the repository. */
export function lockPath(model: string): string {
  return `models/${model}/model.lock.json`;
}

/** The bytes of a lock file: JSON with two spaces, keys in the schema's order, a line feed at the end. */
export function lockBytes(lock: Lock): Uint8Array {
  return Buffer.from(`${JSON.stringify(lockSchema.parse(lock), null, 2)}\n`);
}

/** Reads a lock file; `where` is named when it is none (`lock-invalid`). */
export function parseLock(bytes: Uint8Array, where: string): Lock {
  try {
    return lockSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw failure(
      'lock-invalid',
      `the lock file of ${where} is not valid`,
      `Look at it with: git show '${where}'`,
      { cause: error },
    );
  }
}
