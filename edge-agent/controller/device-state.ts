import { z } from 'zod';
import { RESTART, type State, stateSchema } from '../slots/states.ts';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const versionSchema = z.strictObject({ version: z.string(), digest });

/** A version by its semver and its ModelPack manifest's digest. */
export type Version = z.infer<typeof versionSchema>;

/** What a device durably knows about one model. */
export const modelStateSchema = z.strictObject({
  /** What answers requests: its flip was decided. */
  active: versionSchema.extend({ state: z.enum(['active', 'committed']) }).optional(),
  /** The last version that answered before `active`; kept on disk and warm. */
  previous: versionSchema.optional(),
  /** On its way to `active`. `attempts` counts how often it began to be loaded. */
  candidate: versionSchema.extend({ state: stateSchema, attempts: z.int().nonnegative() }).optional(),
  /** The version that the operator rolled back last. */
  rolledBack: versionSchema.optional(),
  /** `untilAbove`: its copy in the registry was damaged, so a document above that sequence may try it again. */
  quarantined: z.array(versionSchema.extend({ reason: z.string(), untilAbove: z.int().optional() })),
  /** By channel name: the highest believed document. */
  documents: z.record(
    z.string(),
    z.strictObject({ sequence: z.int(), digest: z.string(), attestation: z.string() }),
  ),
  /** The operator rolled back: documents up to this sequence of this channel are not followed. */
  held: z.strictObject({ channel: z.string(), sequence: z.int() }).optional(),
});

export type ModelState = z.infer<typeof modelStateSchema>;
/** By model name. */
export type DeviceState = Record<string, ModelState>;

const stateRecord = z.strictObject({
  type: z.literal('state'),
  at: z.string(),
  model: z.string(),
  version: z.string(),
  digest,
  state: stateSchema,
  reason: z.string().optional(),
  untilAbove: z.int().optional(),
  held: z.strictObject({ channel: z.string(), sequence: z.int() }).optional(),
});

const documentRecord = z.strictObject({
  type: z.literal('document'),
  at: z.string(),
  model: z.string(),
  channel: z.string(),
  sequence: z.int(),
  digest: z.string(),
  attestation: z.string(),
});

const snapshotRecord = z.strictObject({
  type: z.literal('snapshot'),
  at: z.string(),
  models: z.record(z.string(), modelStateSchema),
});

export const recordSchema = z.discriminatedUnion('type', [stateRecord, documentRecord, snapshotRecord]);
export type JournalRecord = z.infer<typeof recordSchema>;
type StateRecord = z.infer<typeof stateRecord>;

/** More digests than this are never remembered: the oldest quarantine gives way. */
const QUARANTINE_LIMIT = 100;

export const EMPTY_MODEL: ModelState = { quarantined: [], documents: {} };

/** What is known of a model; empty when the journal does not name it. */
export function modelState(device: DeviceState, model: string): ModelState {
  return device[model] ?? EMPTY_MODEL;
}

/** The state of one digest of a model as the journal has it; undefined when it is not remembered. */
export function stateOf(model: ModelState, id: string): State | undefined {
  if (model.active?.digest === id) return model.active.state;
  if (model.candidate?.digest === id) return model.candidate.state;
  if (model.quarantined.some((each) => each.digest === id)) return 'quarantined';
  if (model.rolledBack?.digest === id) return 'rolled-back';
  if (model.previous?.digest === id) return 'committed';
  return undefined;
}

/** Folds journal records into what they add up to. Pure. */
export function replay(records: Iterable<JournalRecord>): DeviceState {
  let device: DeviceState = {};
  for (const record of records) device = applyRecord(device, record);
  return device;
}

/** What is left of it when the agent starts again: a version whose files may be incomplete is forgotten. Pure. */
export function restarted(device: DeviceState): DeviceState {
  return Object.fromEntries(
    Object.entries(device).map(([name, model]) => {
      const { candidate, ...rest } = model;
      const forgotten = candidate !== undefined && RESTART[candidate.state].restart === 'forget';
      return [name, forgotten ? rest : model];
    }),
  );
}

/** One record more. Pure: the given state is not changed. */
export function applyRecord(device: DeviceState, record: JournalRecord): DeviceState {
  if (record.type === 'snapshot') return record.models;
  const before = modelState(device, record.model);
  if (record.type === 'state') return { ...device, [record.model]: applyState(before, record) };
  const { sequence, digest: documentDigest, attestation } = record;
  const documents = {
    ...before.documents,
    [record.channel]: { sequence, digest: documentDigest, attestation },
  };
  return { ...device, [record.model]: { ...before, documents } };
}

function applyState(model: ModelState, record: StateRecord): ModelState {
  const { version, digest: id, state } = record;
  switch (state) {
    case 'active':
      return activated(model, { version, digest: id });
    case 'committed':
      return { ...model, active: { version, digest: id, state } };
    case 'rolled-back': {
      const held = record.held === undefined ? {} : { held: record.held };
      // Whatever was on its way belongs to the documents that are now held.
      const { candidate: _candidate, ...rest } = withdrawn(model, id);
      return { ...rest, rolledBack: { version, digest: id }, ...held };
    }
    case 'quarantined': {
      const others = model.quarantined.filter((each) => each.digest !== id);
      const { reason = '', untilAbove } = record;
      const limit = untilAbove === undefined ? {} : { untilAbove };
      const quarantined = [...others, { version, digest: id, reason, ...limit }];
      return { ...withdrawn(model, id), quarantined: quarantined.slice(-QUARANTINE_LIMIT) };
    }
    default: {
      const began = model.candidate?.digest === id ? model.candidate.attempts : 0;
      const attempts = state === 'staged' ? began + 1 : began;
      const quarantined = model.quarantined.filter((each) => each.digest !== id);
      return { ...withdrawn(model, id), quarantined, candidate: { version, digest: id, state, attempts } };
    }
  }
}

function activated(model: ModelState, { version, digest: id }: Version): ModelState {
  const { candidate: _candidate, previous, active, ...rest } = model;
  const now = { version, digest: id, state: 'active' as const };
  if (active?.digest === id) {
    return { ...rest, active: now, ...(previous === undefined ? {} : { previous }) };
  }
  const predecessor = active === undefined ? previous : { version: active.version, digest: active.digest };
  const kept = predecessor === undefined || predecessor.digest === id ? {} : { previous: predecessor };
  return { ...rest, active: now, ...kept };
}

/** Without this digest in any role: its predecessor becomes what serves. */
function withdrawn(model: ModelState, id: string): ModelState {
  const { candidate, previous, active, ...rest } = model;
  const keep: ModelState = rest;
  if (candidate !== undefined && candidate.digest !== id) keep.candidate = candidate;
  if (active !== undefined && active.digest !== id) {
    keep.active = active;
    if (previous !== undefined && previous.digest !== id) keep.previous = previous;
  } else if (previous !== undefined && previous.digest !== id) {
    keep.active = { ...previous, state: 'committed' };
  }
  return keep;
}
