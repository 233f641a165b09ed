import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { edgeloop, git } from '../fixtures/churn-project.ts';
import { expectError, registryTags } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { copyOf, releasedVersions } from '../fixtures/released-versions.ts';

const production = ['--channel', 'production'];
const WHY = 'trained on the prices of last year';

let released: string;
let project: string;
beforeAll(() => {
  released = releasedVersions();
}, 60_000);
beforeEach(() => {
  project = copyOf(released);
});

const rollOut = (version: string, ...more: string[]) =>
  json(project, 0, 'rollout', `churn@${version}`, ...production, ...more);
const deprecate = (version: string, why = WHY) =>
  json(project, 0, 'deprecate', `churn@${version}`, '--why', why);
/** Everything that a refused rollout could have left. */
const traces = () => [
  git(project, 'tag', '-l', 'churn#*'),
  registryTags(project).filter((tag) => tag.startsWith('channel-')),
];

describe('rollout to another major version', () => {
  it('is refused with both versions and what broke in between, and goes on when it is allowed', () => {
    rollOut('1.0.0');
    const before = traces();
    expectError(project, ['rollout', 'churn@2.1.0', ...production], {
      exit: 3,
      code: 'major-version',
      says: [
        /production names churn 1\.0\.0, and 2\.1\.0 may break its clients:\n/,
        /- 2\.0\.0: raised from patch to major on request\n/,
        /- 2\.0\.0: the training data changed\n/,
        'edgeloop rollout churn@2.1.0 --channel production --allow-major',
      ],
    });
    expect(traces()).toEqual(before);
    expect(rollOut('2.1.0', '--allow-major')).toMatchObject({ version: '2.1.0', sequence: 2 });
    // Down again nothing is asked, and up within one major version neither.
    expect(rollOut('1.0.0')).toMatchObject({ sequence: 3 });
    expect(rollOut('2.0.0', '--allow-major')).toMatchObject({ sequence: 4 });
    expect(rollOut('2.1.0')).toMatchObject({ sequence: 5 });
  });

  it('is free in a channel that names nothing yet, and is asked of each channel for itself', () => {
    rollOut('1.0.0');
    expect(json(project, 0, 'rollout', 'churn@2.0.0', '--channel', 'canary')).toMatchObject({ sequence: 1 });
  });

  it('is not to be had by a rollback to what the channel has never named', () => {
    rollOut('1.0.0');
    const args = ['rollback', 'churn', ...production, '--to', '2.0.0'];
    expectError(project, args, { exit: 3, code: 'major-version', says: ['1.0.0', '2.0.0'] });
    rollOut('2.0.0', '--allow-major');
    rollOut('1.0.0');
    expect(json(project, 0, ...args)).toMatchObject({ version: '2.0.0', sequence: 4 });
  });
});

describe('a deprecated release', () => {
  it('is rolled out nowhere, and every reason is told', () => {
    rollOut('1.0.0');
    deprecate('2.0.0');
    deprecate('2.0.0', 'and its card names no units');
    const before = traces();
    expectError(project, ['rollout', 'churn@2.0.0', ...production, '--allow-major'], {
      exit: 3,
      code: 'release-deprecated',
      says: [
        /churn 2\.0\.0 is deprecated:\n/,
        /- trained on the prices of last year \(Ada <ada@example\.com>, 20/,
        'no units',
      ],
    });
    expectError(project, ['rollout', 'churn@2.0.0', '--channel', 'canary'], {
      exit: 3,
      code: 'release-deprecated',
      says: [WHY],
    });
    expect(traces()).toEqual(before);
  });

  it('that a channel names already stays there: rolling it out again does nothing', () => {
    const there = rollOut('1.0.0');
    deprecate('1.0.0');
    expect(rollOut('1.0.0')).toEqual(there);
  });

  it('is gone back to only by name, with a warning, and only where the channel has named it', () => {
    rollOut('2.0.0');
    rollOut('1.0.0');
    rollOut('2.1.0', '--allow-major');
    deprecate('1.0.0');
    // By itself a rollback passes it over.
    expect(json(project, 0, 'rollback', 'churn', ...production)).toMatchObject({
      version: '2.0.0',
      sequence: 4,
    });
    const named = edgeloop(project, 'rollback', 'churn', ...production, '--to', '1.0.0');
    expect({ ...named, stdout: '' }).toEqual({
      code: 0,
      stdout: '',
      stderr: expect.stringMatching(
        /warn.*churn 1\.0\.0 is deprecated: trained on the prices of last year \(Ada/,
      ),
    });
    expect(json(project, 0, 'status').channels[0]).toMatchObject({ version: '1.0.0', sequence: 5 });
    const canary = ['--channel', 'canary'];
    json(project, 0, 'rollout', 'churn@2.0.0', ...canary);
    expect(json(project, 3, 'rollback', 'churn', ...canary, '--to', '1.0.0').error.code).toBe(
      'release-deprecated',
    );
  });

  it('is no predecessor: when there is no other, the name is asked for', () => {
    rollOut('2.0.0');
    rollOut('2.1.0');
    deprecate('2.0.0');
    expectError(project, ['rollback', 'churn', ...production], {
      exit: 2,
      code: 'no-predecessor',
      says: [
        'all that production has named of churn before 2.1.0 is deprecated, 2.0.0 for example',
        '--to 2.0.0',
      ],
    });
    expect(json(project, 0, 'status').channels[0]).toMatchObject({ version: '2.1.0', sequence: 2 });
  });

  it('does not hold a channel with a rollout that was cut', () => {
    rollOut('1.0.0');
    git(project, 'tag', '-a', '-m', 'a rollout that was cut here', 'churn#production#2', 'churn@v2.0.0^{}');
    const other = ['rollout', 'churn@2.1.0', ...production, '--allow-major'];
    expectError(project, other, {
      exit: 3,
      code: 'channel-moved',
      says: ['another rollout has created churn#production#2 for churn 2.0.0', 'Roll out churn@2.0.0'],
    });
    deprecate('2.0.0');
    expect(json(project, 0, ...other)).toMatchObject({ version: '2.1.0', sequence: 3 });
    // What a cut rollout was to name is nothing to go back to.
    expect(json(project, 0, 'rollback', 'churn', ...production)).toMatchObject({
      version: '1.0.0',
      sequence: 4,
    });
  });
});

describe('a release that fails its verification', () => {
  it('is refused with every finding; a rollback asks only that devices can fetch it', () => {
    rollOut('2.0.0');
    rollOut('2.1.0');
    const blobs = join(project, '.edgeloop/registry/churn/blobs/sha256');
    const { verdict } = JSON.parse(git(project, 'show', 'churn@v2.0.0:models/churn/model.lock.json'));
    rmSync(join(blobs, verdict.slice('sha256:'.length)));
    const before = traces();
    expectError(project, ['rollout', 'churn@2.0.0', '--channel', 'canary'], {
      exit: 3,
      code: 'release-unverified',
      says: [
        /churn 2\.0\.0 fails its verification:\n {2}- .*\[[a-z-]+\]\n/,
        verdict.slice(-64),
        'edgeloop verify churn',
      ],
    });
    expect(traces()).toEqual(before);
    const { modelManifest } = JSON.parse(git(project, 'show', 'churn@v2.0.0:models/churn/model.lock.json'));
    const { layers } = JSON.parse(readFileSync(join(blobs, modelManifest.slice('sha256:'.length)), 'utf8'));
    rmSync(join(blobs, layers.at(-1).digest.slice('sha256:'.length)));
    expect(json(project, 1, 'rollback', 'churn', ...production).error.code).toBe('blob-missing');
  });
});

describe('what was not released', () => {
  it('is neither rolled out nor deprecated, a candidate neither', () => {
    for (const args of [
      ['rollout', 'churn@2.2.0', ...production],
      ['deprecate', 'churn@2.2.0', '--why', WHY],
    ]) {
      expectError(project, args, {
        exit: 2,
        code: 'release-unknown',
        says: ['churn has no release 2.2.0; released: 2.1.0, 2.0.0, 1.0.0', 'git fetch'],
      });
    }
    expect(traces()).toEqual(['', []]);
  });
});
