import { z } from 'zod';
import { DATA_TYPES, modelSignatureSchema } from '../src/onnx/index.ts';
import { EdgeloopError, messageOf } from '../src/errors.ts';
import { agentSettingsSchema, LOG_LEVELS } from './settings.ts';

/** What passes between gateway and controller over Node's IPC channel (structured clone: tensors stay bytes). */

const digest = z.string();
const model = z.string();
const tensorSchema = z.strictObject({
  name: z.string(),
  dataType: z.enum(DATA_TYPES),
  shape: z.array(z.int().nonnegative()),
  data: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
});

const heldSchema = z.strictObject({
  version: z.string(),
  digest,
  provider: z.string(),
  up: z.boolean(),
  restarts: z.int(),
  faults: z.int(),
});

/** A version as the gateway holds it: its host, whether that is up, and how often it failed since it was loaded. */
export type HeldReport = z.infer<typeof heldSchema>;

const holdingsSchema = z.strictObject({
  current: heldSchema.optional(),
  previous: heldSchema.optional(),
  loading: heldSchema.optional(),
});

export type Holdings = z.infer<typeof holdingsSchema>;

/** What the controller may ask of the gateway: request and result of each operation. */
export const OPERATIONS = {
  holdings: { request: z.strictObject({}), result: z.record(z.string(), holdingsSchema) },
  /** Starts a session host for a version; it is held as `loading`. */
  load: {
    request: z.strictObject({
      model,
      version: z.string(),
      digest,
      modelFile: z.string(),
      signature: modelSignatureSchema,
    }),
    result: z.strictObject({ signature: modelSignatureSchema, loadMs: z.number(), provider: z.string() }),
  },
  /** Runs a held version outside the queue. */
  run: {
    request: z.strictObject({ model, digest, inputs: z.array(tensorSchema) }),
    result: z.strictObject({ outputs: z.array(tensorSchema), ms: z.number() }),
  },
  /** Gives the roles to these digests in one step and ends every session host that has none. */
  arrange: {
    request: z.strictObject({
      model,
      current: digest.optional(),
      previous: digest.optional(),
      loading: digest.optional(),
    }),
    result: z.strictObject({ swapped: z.boolean(), ms: z.number() }),
  },
} as const;

export type Operation = keyof typeof OPERATIONS;
export type OperationRequest<O extends Operation> = z.infer<(typeof OPERATIONS)[O]['request']>;
interface OperationResults {
  holdings: Record<string, Holdings>;
  load: z.infer<typeof OPERATIONS.load.result>;
  run: z.infer<typeof OPERATIONS.run.result>;
  arrange: z.infer<typeof OPERATIONS.arrange.result>;
}
export type OperationResult<O extends Operation> = OperationResults[O];

/** The result schema of each operation, keyed so that a generic caller gets the type of its own operation. */
export const RESULTS: { [O in Operation]: { parse(value: unknown): OperationResults[O] } } = {
  holdings: OPERATIONS.holdings.result,
  load: OPERATIONS.load.result,
  run: OPERATIONS.run.result,
  arrange: OPERATIONS.arrange.result,
};

/** One model as `device status` and `/edgeloop/status` show it. */
export const modelReportSchema = z.strictObject({
  name: z.string(),
  /** The state of what serves, else of what is on its way; `absent` when there is neither. */
  state: z.string(),
  version: z.string().nullable(),
  digest: z.string().nullable(),
  previous: z.strictObject({ version: z.string(), digest }).nullable(),
  candidate: z.strictObject({ version: z.string(), digest, state: z.string() }).nullable(),
  provider: z.string().nullable(),
  channel: z.string(),
  /** The highest sequence that was believed on this channel. */
  sequence: z.int().nullable(),
  attestation: z.string().nullable(),
  /** Documents up to this sequence are not followed: the operator rolled back. */
  heldUntilAbove: z.int().nullable(),
  quarantined: z.array(z.strictObject({ version: z.string(), digest, reason: z.string() })),
  lastError: z.string().nullable(),
  restarts: z.int(),
});

export type ModelReport = z.infer<typeof modelReportSchema>;

const errorSchema = z.strictObject({
  exitCode: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
});

export type ErrorMessage = z.infer<typeof errorSchema>;

/** Controller to gateway. */
export const fromController = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('request'), id: z.int(), operation: z.string(), request: z.unknown() }),
  z.strictObject({
    kind: z.literal('log'),
    level: z.enum(LOG_LEVELS),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({ kind: z.literal('report'), models: z.array(modelReportSchema) }),
  z.strictObject({ kind: z.literal('started') }),
  z.strictObject({ kind: z.literal('failed'), error: errorSchema }),
]);

/** Gateway to controller. */
export const fromGateway = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start'), settings: agentSettingsSchema }),
  z.strictObject({ kind: z.literal('result'), id: z.int(), result: z.unknown() }),
  z.strictObject({ kind: z.literal('refused'), id: z.int(), error: errorSchema }),
  z.strictObject({ kind: z.literal('fault'), model, digest, faults: z.int(), reason: z.string() }),
  z.strictObject({ kind: z.literal('end') }),
]);

export type FromController = z.infer<typeof fromController>;
export type FromGateway = z.infer<typeof fromGateway>;

/** An error as it crosses a process boundary; what is not an expected error keeps its message only. */
export function errorMessage(error: unknown): ErrorMessage {
  if (error instanceof EdgeloopError) {
    const { exitCode, code, remedy } = error;
    return { exitCode, code, message: messageOf(error), remedy };
  }
  return { exitCode: 1, code: 'internal', message: messageOf(error), remedy: 'Please report this as a bug.' };
}

export function errorFrom({ exitCode, code, message, remedy }: ErrorMessage): EdgeloopError {
  return new EdgeloopError(exitCode, code, message, remedy);
}
