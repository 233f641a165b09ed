import { createHash } from 'node:crypto';

/** Everything that decides a training's result (docs/input-key.md). */
export interface KeyedInputs {
  model: string;
  /** The command as configured, placeholders not replaced. */
  command: string;
  /** Digest of the code's manifest. */
  code: string;
  /** Digest of the training data's manifest. */
  dataset: string;
  params: Record<string, string | number | boolean>;
  /** Digest of the lock file, or what stands for one. */
  environment: string;
}

/** 64 hex digits: SHA-256 of the inputs as canonical JSON (RFC 8785). Specification and vectors: docs/input-key.md. */
export function inputKey(inputs: KeyedInputs): string {
  const { code, command, dataset, environment, model } = inputs;
  // RFC 8785 sorts keys by UTF-16 code units, as JavaScript's own sort does, and takes ECMAScript's serialisation of
  // strings and numbers.
  const params = Object.fromEntries(Object.entries(inputs.params).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const canonical = { code, command, dataset, environment, model, params, schema: 'edgeloop.input-key/v1' };
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex');
}
