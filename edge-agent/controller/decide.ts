import { satisfies } from 'semver';
import type { ChannelDocument } from '../../src/trust/index.ts';
import type { ModelState } from './device-state.ts';

/** A believed channel document and the digest of its bytes. */
export interface Desired {
  document: ChannelDocument;
  digest: string;
}

export type RefusalReason =
  | 'wrong-model'
  | 'wrong-channel'
  | 'sequence-lower'
  | 'sequence-reused'
  | 'held'
  | 'quarantined'
  | 'version-not-accepted';

export type Decision =
  | { kind: 'up-to-date' }
  | { kind: 'swap'; version: string; digest: string }
  | { kind: 'refuse'; reason: RefusalReason; message: string };

const refuse = (reason: RefusalReason, message: string): Decision => ({ kind: 'refuse', reason, message });

/** What a channel document asks of this device, given what it durably knows. Pure. */
export function decide(
  follows: { model: string; channel: string; accept?: string },
  { document, digest }: Desired,
  state: ModelState,
): Decision {
  const { version, sequence } = document;
  if (document.model !== follows.model) {
    return refuse('wrong-model', `the document is for model "${document.model}", not "${follows.model}"`);
  }
  if (document.channel !== follows.channel) {
    return refuse(
      'wrong-channel',
      `the document is for channel "${document.channel}", not "${follows.channel}"`,
    );
  }
  const seen = state.documents[follows.channel];
  if (seen !== undefined && sequence < seen.sequence) {
    return refuse(
      'sequence-lower',
      `the document has sequence ${sequence}, but ${seen.sequence} was seen before`,
    );
  }
  if (seen !== undefined && sequence === seen.sequence && digest !== seen.digest) {
    return refuse('sequence-reused', `sequence ${sequence} was seen before with other content`);
  }
  const { held } = state;
  if (held !== undefined && held.channel === follows.channel && sequence <= held.sequence) {
    return refuse('held', `rolled back on this device; waiting for a sequence above ${held.sequence}`);
  }
  if (document.digest === state.active?.digest) return { kind: 'up-to-date' };
  const quarantined = state.quarantined.find((each) => each.digest === document.digest);
  if (quarantined !== undefined && sequence <= (quarantined.untilAbove ?? Infinity)) {
    return refuse('quarantined', `version ${version} is quarantined on this device: ${quarantined.reason}`);
  }
  if (follows.accept !== undefined && !satisfies(version, follows.accept)) {
    return refuse(
      'version-not-accepted',
      `version ${version} is outside "${follows.accept}", which this device accepts`,
    );
  }
  return { kind: 'swap', version, digest: document.digest };
}

/** True when the document is authentic and newer than any seen, so that its sequence must be remembered. */
export function isNews(decision: Decision, { document }: Desired, state: ModelState): boolean {
  const alien = decision.kind === 'refuse' && /^(wrong|sequence)-/.test(decision.reason);
  return !alien && document.sequence > (state.documents[document.channel]?.sequence ?? 0);
}
