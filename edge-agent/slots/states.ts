import { z } from 'zod';

/**
 * The states of one version on one device, in the order of DESIGN §5. A state says what has been done; its record is
 * in the journal before the effect that follows it begins, so that a kill at any point leaves a true journal.
 */
export const STATES = [
  'discovered',
  'fetched',
  'staged',
  'loaded',
  'signature-ok',
  'golden-ok',
  'warm',
  'active',
  'committed',
  'rolled-back',
  'quarantined',
] as const;

export const stateSchema = z.enum(STATES);
export type State = (typeof STATES)[number];

export const EVENTS = [
  'pulled',
  'staged',
  'loaded',
  'signature-matched',
  'golden-matched',
  'warmed-up',
  'flip-decided',
  'probation-passed',
  'rollback-decided',
  'failed',
  'restarted',
  'files-damaged',
] as const;

export type Event = (typeof EVENTS)[number];

// A damaged copy on this disk is not the version's fault: it is discovered, fetched and tested anew. A failure of
// the version itself ends in `quarantined`, which nothing leaves.
const ON_DISK = { failed: 'quarantined', restarted: 'fetched', 'files-damaged': 'discovered' } as const;
const SERVING = {
  failed: 'quarantined',
  'rollback-decided': 'rolled-back',
  'files-damaged': 'discovered',
} as const;

/** From each state, what each event leads to. An event that is not listed is a bug of ours. */
export const TRANSITIONS: Readonly<Record<State, Readonly<Partial<Record<Event, State>>>>> = {
  discovered: { failed: 'quarantined', pulled: 'fetched' },
  fetched: { ...ON_DISK, staged: 'staged' },
  staged: { ...ON_DISK, loaded: 'loaded' },
  loaded: { ...ON_DISK, 'signature-matched': 'signature-ok' },
  'signature-ok': { ...ON_DISK, 'golden-matched': 'golden-ok' },
  'golden-ok': { ...ON_DISK, 'warmed-up': 'warm' },
  warm: { ...ON_DISK, 'flip-decided': 'active' },
  active: { ...SERVING, 'probation-passed': 'committed', restarted: 'active' },
  // A predecessor is kept warm and may become active again without being tested anew.
  committed: { ...SERVING, restarted: 'committed', 'flip-decided': 'active' },
  'rolled-back': {},
  quarantined: {},
};

/** The state that follows; throws when the event is illegal there. */
export function next(state: State, event: Event): State {
  const to = TRANSITIONS[state][event];
  if (to === undefined) throw new Error(`a version in state "${state}" cannot take the event "${event}"`);
  return to;
}

/** The effect that follows a state's record, and what a restart does when the journal ends there. */
export interface RestartRule {
  effect: string;
  /**
   * `forget`: the next poll discovers it again; `load-again`: from the complete files on this disk, without network,
   * all checks anew; `serve`: it answers requests; `serve-previous`: its predecessor does.
   */
  restart: 'forget' | 'load-again' | 'serve' | 'serve-previous';
  why: string;
}

const IN_MEMORY =
  'the files are complete, what was loaded or found out died with the process: all checks run again';

/** For each state what a restart does (docs/architecture.md shows this table; tests are generated from it). */
export const RESTART: Readonly<Record<State, RestartRule>> = {
  discovered: {
    effect: 'read the card, compare its requirements with this device, pull every blob',
    restart: 'forget',
    why: 'files may be incomplete; the channel document is read again anyway',
  },
  fetched: { effect: 'read card and golden samples from the folder', restart: 'load-again', why: IN_MEMORY },
  staged: { effect: 'start a session host and load the model', restart: 'load-again', why: IN_MEMORY },
  loaded: {
    effect: 'compare the model signature with the card',
    restart: 'load-again',
    why: IN_MEMORY,
  },
  'signature-ok': { effect: 'run the golden samples', restart: 'load-again', why: IN_MEMORY },
  'golden-ok': { effect: 'run it warm', restart: 'load-again', why: IN_MEMORY },
  warm: { effect: 'decide whether it is still wanted', restart: 'load-again', why: IN_MEMORY },
  active: {
    effect: 'flip: the gateway points the model name at it; its predecessor stays warm',
    restart: 'serve',
    why: 'it passed every check; its probation starts anew',
  },
  committed: { effect: 'none', restart: 'serve', why: 'it is the last known good' },
  'rolled-back': {
    effect: 'flip to its predecessor, then remove its files',
    restart: 'serve-previous',
    why: 'it is held until the channel names a higher sequence',
  },
  quarantined: {
    effect: 'flip to its predecessor when it was serving, then remove its files',
    restart: 'serve-previous',
    why: 'this digest is never activated again on this device',
  },
};
