import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { edgeloop, edgeloopWith, git } from '../fixtures/churn-project.ts';
import {
  alterLock,
  commitWith,
  dropTags,
  lockOf,
  messageOf,
  pointTag,
  tagAs,
} from '../fixtures/disagreements.ts';
import { type Disagreement, expectDisagreement, REPAIR } from '../fixtures/expect-disagreement.ts';
import { json } from '../fixtures/json-answer.ts';
import { copyOf } from '../fixtures/released-versions.ts';
import { type RolledOut, rolledOut } from '../fixtures/rolled-out.ts';

const TAG = 'churn@v1.0.1';
const MOVE = 'churn#production#2';
/** What follows from a version's tag that cannot be read. */
const UNKNOWN = [
  'release-not-in-git',
  'release-not-in-git',
  'moving-tag-stale',
  'moving-tag-stale',
  'channel-disagrees',
  'channel-tag-disagrees',
];

/** Gives a project a bare origin with all that it has. */
function withOrigin(copy: string): string {
  const origin = join(mkdtempSync(join(tmpdir(), 'edgeloop-origin-')), 'origin.git');
  execFileSync('git', ['clone', '--quiet', '--bare', copy, origin]);
  git(copy, 'remote', 'add', 'origin', origin);
  return origin;
}

/** Lets an origin take nothing more. */
function refusePushes(origin: string): void {
  const hook = join(origin, 'hooks/pre-receive');
  writeFileSync(hook, '#!/bin/sh\necho read only >&2\nexit 1\n');
  chmodSync(hook, 0o755);
}

const object = (project: string, tag: string): string => git(project, 'rev-parse', `refs/tags/${tag}`);

const DISAGREEMENTS: Disagreement[] = [
  {
    what: 'a version whose commit has no lock file',
    make: (copy) => tagAs(copy, TAG, 'HEAD', messageOf(copy, TAG)),
    codes: ['lock-missing', ...UNKNOWN],
    finding: () => ({
      code: 'lock-missing',
      subject: TAG,
      values: { tag: TAG, lock: null },
      mend: /never moved: find out who made it/,
    }),
    repaired: [],
  },
  {
    what: 'a lock file that cannot be read',
    make: async (copy) => tagAs(copy, TAG, await commitWith(copy, '1.0.1', '{'), messageOf(copy, TAG)),
    codes: ['lock-invalid', ...UNKNOWN],
    finding: () => ({ code: 'lock-invalid', subject: TAG, mend: /git show/ }),
    repaired: [],
  },
  {
    what: 'a lock file of another version than its tag',
    make: (copy) => alterLock(copy, '1.0.1', { version: '1.0.7' }),
    codes: ['lock-disagrees', 'image-disagrees', 'image-disagrees'],
    finding: () => ({
      code: 'lock-disagrees',
      subject: TAG,
      values: { tag: 'churn 1.0.1', lock: 'churn 1.0.7' },
      mend: /never moved: find out who made it/,
    }),
    repaired: [],
  },
  {
    what: 'a tag whose message names another image than its lock file',
    make: (copy, { old, now }) =>
      tagAs(copy, TAG, `${TAG}^{}`, messageOf(copy, TAG).replace(now.image, old.image)),
    codes: ['trailer-disagrees'],
    finding: ({ old, now }) => ({
      code: 'trailer-disagrees',
      subject: `${TAG} Image`,
      values: { message: old.image, lock: now.image },
      mend: /never moved: find out who made it/,
    }),
    repaired: [],
  },
  {
    what: 'a tag that was made by hand and says nothing',
    make: (copy) => tagAs(copy, TAG, `${TAG}^{}`, 'by hand'),
    codes: Array.from({ length: 7 }, () => 'trailer-disagrees'),
    finding: ({ now }) => ({
      code: 'trailer-disagrees',
      subject: `${TAG} Verdict`,
      values: { message: null, lock: now.verdict },
      mend: /never moved: find out who made it/,
    }),
    repaired: [],
  },
  {
    what: 'a version that git has lost',
    make: (copy) => void git(copy, 'tag', '--delete', TAG),
    codes: UNKNOWN,
    finding: ({ now }) => ({
      code: 'release-not-in-git',
      subject: '1.0.1-model',
      values: { git: null, registry: now.modelManifest },
      mend: /^Fetch the tags/,
    }),
    repaired: [],
  },
  {
    what: 'tags that only origin has, and says nothing of what follows from it',
    make: (copy) => {
      withOrigin(copy);
      git(copy, 'tag', '--delete', TAG, MOVE);
    },
    codes: ['tag-not-fetched', 'tag-not-fetched'],
    finding: ({ project }) => ({
      code: 'tag-not-fetched',
      subject: TAG,
      values: { here: null, origin: object(project, TAG) },
      mend: REPAIR,
    }),
    repaired: ['tag-not-fetched', 'tag-not-fetched'],
    left: [],
  },
  {
    what: 'what the registry lost of a version that only origin has',
    make: (copy) => {
      withOrigin(copy);
      git(copy, 'tag', '--delete', TAG, MOVE);
      dropTags(copy, '1.0.1', '1.0', '1');
    },
    codes: ['tag-not-fetched', 'tag-not-fetched'],
    finding: ({ project }) => ({
      code: 'tag-not-fetched',
      subject: MOVE,
      values: { here: null, origin: object(project, MOVE) },
      mend: REPAIR,
    }),
    repaired: ['tag-not-fetched', 'tag-not-fetched', 'tag-missing', 'moving-tag-stale', 'moving-tag-stale'],
    left: [],
  },
  {
    what: 'a tag that only this clone has',
    make: (copy) => void git(withOrigin(copy), 'update-ref', '-d', `refs/tags/${MOVE}`),
    codes: ['tag-not-pushed'],
    finding: ({ project }) => ({
      code: 'tag-not-pushed',
      subject: MOVE,
      values: { here: object(project, MOVE), origin: null },
      mend: /git push origin 'refs\/tags\/churn#production#2'.*git tag -d/,
    }),
    repaired: [],
  },
  {
    what: 'a tag that origin has otherwise, and overwrites neither',
    make: (copy) => void git(withOrigin(copy), 'update-ref', `refs/tags/${TAG}`, 'churn@v1.0.0'),
    codes: ['tag-differs'],
    finding: ({ project }) => ({
      code: 'tag-differs',
      subject: TAG,
      values: { here: object(project, TAG), origin: object(project, 'churn@v1.0.0') },
      mend: /^What origin has counts/,
    }),
    repaired: [],
  },
  {
    what: 'a move that it may not write to origin, and says so',
    make: (copy) => {
      const origin = withOrigin(copy);
      for (const repository of [copy, origin]) git(repository, 'update-ref', '-d', `refs/tags/${MOVE}`);
      refusePushes(origin);
    },
    codes: ['channel-tag-missing'],
    finding: () => ({
      code: 'channel-tag-missing',
      subject: MOVE,
      values: { git: null, registry: '2' },
      mend: REPAIR,
    }),
    repaired: [],
    left: ['channel-tag-missing'],
    failed: ['git-push-failed'],
  },
];

describe('verify of git', () => {
  let was: RolledOut;
  beforeAll(() => {
    was = rolledOut();
  }, 120_000);

  it.each(DISAGREEMENTS)('finds $what', async (disagreement) => {
    await expectDisagreement(was, disagreement);
    expect.hasAssertions();
  });

  it('agrees with an origin that it may only read', () => {
    const copy = copyOf(was.project);
    refusePushes(withOrigin(copy));
    expect(json(copy, 0, 'verify')).toEqual({ ok: true, findings: [] });
  });

  it('fetches into a shallow clone without tags what it lacks, and leaves it shallow', async () => {
    const origin = withOrigin(copyOf(was.project));
    const clone = join(mkdtempSync(join(tmpdir(), 'edgeloop-shallow-')), 'churn');
    git(tmpdir(), 'clone', '--quiet', '--depth=1', '--no-tags', `file://${origin}`, clone);
    const registry = { EDGELOOP_REGISTRY: `oci:${join(was.project, '.edgeloop/registry')}` };
    const { code, stdout } = await edgeloopWith(registry, clone, 'verify', '--repair', '--json');
    expect({ code, ...JSON.parse(stdout) }).toEqual({
      code: 0,
      ok: true,
      findings: [],
      repaired: ['churn#production#1', MOVE, 'churn@v1.0.0', TAG].map((subject) => ({
        code: 'tag-not-fetched',
        model: 'churn',
        subject,
        done: `the tag ${subject} was fetched from origin`,
      })),
    });
    expect(git(clone, 'rev-parse', '--is-shallow-repository')).toBe('true');
  });

  it('only warns of an origin that cannot be reached, and mends nothing meanwhile', async () => {
    const copy = copyOf(was.project);
    rmSync(withOrigin(copy), { recursive: true });
    const { code, stderr } = edgeloop(copy, 'verify');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/origin is not compared with: git ls-remote failed/),
    });
    await pointTag(copy, '1', '1.0.0');
    const { findings, repaired } = json(copy, 3, 'verify', '--repair');
    expect(findings.map((finding: { code: string }) => finding.code)).toEqual([
      'moving-tag-stale',
      'origin-not-reached',
    ]);
    expect(repaired).toEqual([]);
  });

  it('tells people what was mended, what is left and what to do', async () => {
    const copy = copyOf(was.project);
    await pointTag(copy, '1', '1.0.0');
    await pointTag(copy, '9.9.9', '1.0.1');
    const { code, stdout } = edgeloop(copy, 'verify', '--repair');
    expect(code).toBe(3);
    expect(stdout.split('\n')).toEqual([
      `churn: the tag 1 names 1.0.1 (${lockOf(copy, '1.0.1').image}) [moving-tag-stale]`,
      'churn: 9.9.9: git has no tag churn@v9.9.9 that can be read [release-not-in-git]',
      expect.stringMatching(/^ {2}Fetch the tags/),
      '1 finding left',
      '',
    ]);
  });
});
