import { describe, expect, it } from 'vitest';
import type { ChannelDocument } from '../../src/trust/index.ts';
import { decide, isNews } from './decide.ts';
import type { ModelState } from './device-state.ts';

const hex = (digit: string) => `sha256:${digit.repeat(64)}`;
const follows = { model: 'line', channel: 'production', accept: '^1.0.0' };
const state: ModelState = {
  active: { version: '1.0.0', digest: hex('1'), state: 'committed' },
  quarantined: [
    { version: '1.1.0', digest: hex('9'), reason: 'golden sample 0 differs' },
    { version: '1.1.1', digest: hex('8'), reason: 'it does not load' },
    { version: '1.1.2', digest: hex('7'), reason: 'a blob was damaged', untilAbove: 6 },
  ],
  documents: { production: { sequence: 5, digest: hex('d'), attestation: 'missing' } },
};
const document = (change: Partial<ChannelDocument>): ChannelDocument => ({
  schema: 'edgeloop.channel/v1',
  channel: 'production',
  model: 'line',
  sequence: 6,
  version: '1.2.0',
  digest: hex('2'),
  issued: '2026-01-02T03:04:05Z',
  ...change,
});
const held = { ...state, held: { channel: 'production', sequence: 6 } };

describe('decide', () => {
  const cases: [string, Partial<ChannelDocument>, ModelState, string, boolean][] = [
    ['a newer document', {}, state, 'swap', true],
    ['a newer document that names what is active', { digest: hex('1') }, state, 'up-to-date', true],
    ['any document on a new device', { sequence: 1 }, { quarantined: [], documents: {} }, 'swap', true],
    ['a lower sequence', { sequence: 4 }, state, 'sequence-lower', false],
    [
      'a lower sequence that names what is active',
      { sequence: 4, digest: hex('1') },
      state,
      'sequence-lower',
      false,
    ],
    ['a sequence with other content', { sequence: 5 }, state, 'sequence-reused', false],
    ['another model', { model: 'churn' }, state, 'wrong-model', false],
    ['another channel', { channel: 'canary' }, state, 'wrong-channel', false],
    ['a version outside the range', { version: '2.0.0' }, state, 'version-not-accepted', true],
    ['no version at all', { version: 'latest' }, state, 'version-not-accepted', true],
    ['a quarantined digest', { digest: hex('9') }, state, 'quarantined', true],
    ['a quarantined digest after a higher sequence', { digest: hex('8') }, state, 'quarantined', true],
    ['a digest damaged in the registry', { digest: hex('7') }, state, 'quarantined', true],
    ['a digest damaged earlier', { digest: hex('7'), sequence: 7 }, state, 'swap', true],
    ['a sequence that is held', {}, held, 'held', true],
    ['a sequence above the held one', { sequence: 7 }, held, 'swap', true],
    [
      'a sequence held on another channel',
      {},
      { ...state, held: { channel: 'canary', sequence: 9 } },
      'swap',
      true,
    ],
  ];
  it.each(cases)('%s', (_, change, known, expected, news) => {
    const desired = { document: document(change), digest: hex('e') };
    const decision = decide(follows, desired, known);
    expect(decision.kind === 'refuse' ? decision.reason : decision.kind).toBe(expected);
    expect(isNews(decision, desired, known)).toBe(news);
  });

  it('takes the same document again without news', () => {
    const desired = { document: document({ sequence: 5, digest: hex('1') }), digest: hex('d') };
    expect(decide(follows, desired, state)).toEqual({ kind: 'up-to-date' });
    expect(isNews({ kind: 'up-to-date' }, desired, state)).toBe(false);
  });
});
