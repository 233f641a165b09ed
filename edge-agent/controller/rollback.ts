import { misuse } from '../../src/errors.ts';
import { advance, arrange, type Context, stateOfModel } from './context.ts';
import { ensureHeld } from './ensure-held.ts';

export interface RollbackOutcome {
  model: string;
  from: { version: string; digest: string };
  to: { version: string; digest: string };
  /** From the request to the answer of the gateway that the predecessor serves. */
  rollbackMs: number;
}

/**
 * Goes back to the predecessor at the operator's word, and stays there until the channel names a higher sequence.
 * Throws `model-unknown` or `no-predecessor`.
 */
export async function rollBack(context: Context, model: string): Promise<RollbackOutcome> {
  const began = performance.now();
  if (!Object.hasOwn(context.settings.models, model)) {
    throw misuse(
      'model-unknown',
      `this agent serves no model "${model}"`,
      `It serves ${Object.keys(context.settings.models).join(', ')}.`,
    );
  }
  const { active, previous } = stateOfModel(context, model);
  if (active === undefined || previous === undefined) throw noPredecessor(model);
  await ensureHeld(context, model, previous);
  const now = stateOfModel(context, model);
  if (now.active?.digest !== active.digest || now.previous?.digest !== previous.digest)
    throw noPredecessor(model);

  const { channel } = context.settings;
  const sequence = now.documents[channel]?.sequence ?? 0;
  advance(context, model, active, 'rollback-decided', { held: { channel, sequence } });
  await arrange(context, model);
  const rollbackMs = performance.now() - began;
  context.log('info', `${model} was rolled back to ${previous.version}`, {
    model,
    rollbackMs,
    held: sequence,
  });
  const { version, digest } = active;
  return { model, from: { version, digest }, to: previous, rollbackMs };
}

function noPredecessor(model: string) {
  return misuse(
    'no-predecessor',
    `"${model}" has no earlier version on this device to go back to`,
    'Name an older version on the channel with `edgeloop rollback MODEL --channel CHANNEL`.',
  );
}
