import { messageOf } from '../../src/errors.ts';
import { digestOf, readArtifact } from '../../src/oci/index.ts';
import { CHANNEL_ARTIFACT_TYPE, verifyChannelDocument } from '../../src/trust/index.ts';
import { activate, type Activation } from './activate.ts';
import { advance, arrange, clearProblem, type Context, discover, report, stateOfModel } from './context.ts';
import { decide, type Desired, isNews } from './decide.ts';
import type { Version } from './device-state.ts';
import { checkCard, fetchVersion, isDamaged } from './fetch.ts';
import { collectGarbage } from './garbage.ts';
import { watchProbation } from './probation.ts';
import { quarantine } from './quarantine.ts';

/** What a poll did for one model. */
export interface PollOutcome {
  model: string;
  outcome: 'up-to-date' | 'swapped' | 'refused' | 'quarantined' | 'abandoned' | 'failed';
  version?: string;
  digest?: string;
  sequence?: number;
  reason?: string;
  swapMs?: number;
}

/** Reads the channel document of a model and does what it asks, if this device may. Never throws for the outside. */
export async function reconcile(context: Context, model: string): Promise<PollOutcome> {
  try {
    const desired = await readDesired(context, model);
    const outcome = await follow(context, model, desired);
    await collectGarbage(context, model);
    return { model, sequence: desired.document.sequence, ...outcome };
  } catch (error) {
    report(context, model, error);
    return { model, outcome: 'failed', reason: messageOf(error) };
  }
}

async function readDesired(context: Context, model: string): Promise<Desired & { attestation: string }> {
  const repository = context.registry.repository(model);
  const { bytes } = await readArtifact(
    repository,
    `channel-${context.settings.channel}`,
    CHANNEL_ARTIFACT_TYPE,
  );
  return { ...verifyChannelDocument(bytes), digest: digestOf(bytes) };
}

type Followed = Omit<PollOutcome, 'model' | 'sequence'>;

async function follow(
  context: Context,
  model: string,
  desired: Desired & { attestation: string },
): Promise<Followed> {
  const { channel, models } = context.settings;
  const { accept } = models[model] ?? {};
  const follows = { model, channel, ...(accept === undefined ? {} : { accept }) };
  const known = stateOfModel(context, model);
  const decision = decide(follows, desired, known);
  if (isNews(decision, desired, known)) rememberDocument(context, model, desired);
  const { version, digest, sequence } = desired.document;
  switch (decision.kind) {
    case 'up-to-date':
      clearProblem(context, model);
      return { outcome: 'up-to-date', version, digest };
    case 'refuse':
      report(context, model, decision.message);
      return { outcome: 'refused', version, digest, reason: decision.message };
    case 'swap':
      return { version, digest, ...(await swapTo(context, model, { version, digest }, sequence)) };
  }
}

function rememberDocument(context: Context, model: string, desired: Desired & { attestation: string }): void {
  const { document, digest, attestation } = desired;
  const { channel, sequence } = document;
  const at = context.now().toISOString();
  context.journal.append({ type: 'document', at, model, channel, sequence, digest, attestation });
  context.changed();
}

async function swapTo(
  context: Context,
  model: string,
  version: Version,
  sequence: number,
): Promise<Followed> {
  const { previous } = stateOfModel(context, model);
  if (previous?.digest === version.digest && previous.version === version.version) {
    const back = await swapToWarm(context, model, version);
    if (back !== undefined) return back;
  }
  const repository = context.registry.repository(model);
  try {
    await checkCard(repository, model, version);
    discover(context, model, version);
    await fetchVersion(context, model, version);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    discover(context, model, version);
    const { reason } = await quarantine(context, model, version, messageOf(error), sequence);
    report(context, model, `${version.version} is quarantined: ${reason}`);
    return { outcome: 'quarantined', reason };
  }
  if (stateOfModel(context, model).candidate?.digest !== version.digest) return { outcome: 'abandoned' };
  advance(context, model, version, 'pulled');
  return activated(context, model, version, await activate(context, model, version));
}

/** The channel went back to the version that is kept warm: it was proven before, so only the flip is left. */
async function swapToWarm(context: Context, model: string, version: Version): Promise<Followed | undefined> {
  const held = (await context.gateway.call('holdings', {}))[model];
  if (held?.previous?.digest !== version.digest) return undefined;
  if (stateOfModel(context, model).previous?.digest !== version.digest) return { outcome: 'abandoned' };
  advance(context, model, version, 'flip-decided');
  const { ms } = await arrange(context, model);
  watchProbation(context, model, version);
  return activated(context, model, version, { kind: 'swapped', swapMs: ms });
}

function activated(context: Context, model: string, { version }: Version, result: Activation): Followed {
  switch (result.kind) {
    case 'swapped':
      clearProblem(context, model);
      return { outcome: 'swapped', swapMs: result.swapMs };
    case 'quarantined':
      report(context, model, `${version} is quarantined: ${result.reason}`);
      return { outcome: 'quarantined', reason: result.reason };
    case 'abandoned':
      return { outcome: 'abandoned' };
  }
}
