import { join } from 'node:path';
import { messageOf } from '../../src/errors.ts';
import type { Registry } from '../../src/oci/index.ts';
import type { AgentSettings, Log } from '../settings.ts';
import { type Event, next, type State } from '../slots/states.ts';
import { type JournalRecord, modelState, type ModelState, stateOf, type Version } from './device-state.ts';
import type { GatewayLink } from './gateway-link.ts';
import type { Journal } from './journal.ts';

/** What every part of the controller works with. */
export interface Context {
  settings: AgentSettings;
  journal: Journal;
  gateway: GatewayLink;
  registry: Registry;
  log: Log;
  now(): Date;
  /** By model name: what stands in the way of following the channel. */
  problems: Map<string, string>;
  /** By model name: the timer that commits the version on probation. */
  probations: Map<string, NodeJS.Timeout>;
  /** Something that `device status` shows has changed. */
  changed(): void;
}

/** What the device durably knows about one model. */
export function stateOfModel({ journal }: Context, model: string): ModelState {
  return modelState(journal.state(), model);
}

/** The folder of one version's files. */
export function versionFolder({ settings }: Context, model: string, digest: string): string {
  return join(modelFolder(settings.state, model), digest.slice('sha256:'.length));
}

export function modelFolder(state: string, model: string): string {
  return join(state, 'models', model);
}

type RecordDetails = Pick<Extract<JournalRecord, { type: 'state' }>, 'reason' | 'held' | 'untilAbove'>;

/** Journals the state that an event leads to; the effect may begin when this returns. */
export function advance(
  context: Context,
  model: string,
  version: Version,
  event: Event,
  details: RecordDetails = {},
): State {
  const from = stateOf(stateOfModel(context, model), version.digest);
  if (from === undefined) throw new Error(`${model} ${version.version} was never discovered`);
  const state = next(from, event);
  writeState(context, model, version, state, details);
  return state;
}

/** Begins a version's life on this device, unless it has begun and not come further. */
export function discover(context: Context, model: string, version: Version): void {
  const from = stateOf(stateOfModel(context, model), version.digest);
  if (from !== 'discovered') writeState(context, model, version, 'discovered', {});
}

function writeState(
  context: Context,
  model: string,
  version: Version,
  state: State,
  details: RecordDetails,
): void {
  const { version: semver, digest } = version;
  const at = context.now().toISOString();
  context.journal.append({ type: 'state', at, model, version: semver, digest, state, ...details });
  context.log('debug', `${model} ${semver} is ${state}`, {
    model,
    version: semver,
    digest,
    state,
    ...details,
  });
  context.changed();
}

/** Makes the gateway hold exactly what the journal says: who answers, who is kept warm, who is on its way. */
export async function arrange(context: Context, model: string): Promise<{ swapped: boolean; ms: number }> {
  const { active, previous, candidate } = stateOfModel(context, model);
  const result = await context.gateway.call('arrange', {
    model,
    ...(active === undefined ? {} : { current: active.digest }),
    ...(previous === undefined ? {} : { previous: previous.digest }),
    ...(candidate === undefined ? {} : { loading: candidate.digest }),
  });
  context.changed();
  return result;
}

/** Remembers and logs what is in the way, once per change. */
export function report(context: Context, model: string, problem: unknown): void {
  const text = typeof problem === 'string' ? problem : messageOf(problem);
  if (context.problems.get(model) === text) return;
  context.problems.set(model, text);
  context.log('warn', `${model}: ${text}`, { model });
  context.changed();
}

export function clearProblem(context: Context, model: string): void {
  if (context.problems.delete(model)) context.changed();
}
