import { describe, expect, it } from 'vitest';
import { judgeJob, type Wanted } from './sweep.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const HOUR_MS = 3_600_000;
const job = (more: object = {}) => ({
  name: 'edgeloop-churn-0123456789ab',
  model: 'churn',
  inputKey: 'a'.repeat(64),
  state: 'Queued',
  since: new Date(NOW.getTime() - 48 * HOUR_MS),
  page: undefined,
  ...more,
});
const wanted = (inputKey: string): Wanted => ({
  keys: new Map([['churn', { inputKey }]]),
  timeouts: new Map([['churn', 2 * HOUR_MS]]),
});

describe('a job of ours', () => {
  it('is left behind when it has other inputs and is older than anybody waits', () => {
    expect(judgeJob(job(), wanted('b'.repeat(64)), NOW)).toMatchObject({ isLeft: true });
  });

  it.each([
    ['has the inputs that are checked out', job(), wanted('a'.repeat(64)), /next retrain/],
    [
      'is younger than a day and its time-out',
      job({ since: new Date(NOW.getTime() - 25 * HOUR_MS) }),
      wanted('b'.repeat(64)),
      /25 h ago: until 26 h/,
    ],
    ['is of a model of another project', job({ model: 'fraud' }), wanted('b'.repeat(64)), /no such model/],
    ['has no date', job({ since: undefined }), wanted('b'.repeat(64)), /does not say when/],
    [
      'may be what cannot be planned here',
      job(),
      { keys: new Map([['churn', { unknown: 'no data' }]]), timeouts: new Map() },
      /not known: no data/,
    ],
  ])('is kept when it %s', (_name, given, by, why) => {
    expect(judgeJob(given, by, NOW)).toMatchObject({ isLeft: false, why: expect.stringMatching(why) });
  });
});
