import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openLayoutRegistry, readArtifact } from '../../src/oci/index.ts';
import { edgeloop, git } from '../fixtures/churn-project.ts';
import { expectError, registryTags, taggedManifests } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { copyOf, releasedVersions } from '../fixtures/released-versions.ts';

const TYPE = 'application/vnd.edgeloop.deprecation.v1+json';
const WHY = 'trained on the prices of last year';

let released: string;
let project: string;
beforeAll(() => {
  released = releasedVersions();
}, 60_000);
beforeEach(() => {
  project = copyOf(released);
});

const deprecatedTags = () => registryTags(project).filter((tag) => tag.startsWith('deprecated-'));
const repository = () => openLayoutRegistry(join(project, '.edgeloop/registry')).repository('churn');
const deprecate = (why: string) => json(project, 0, 'deprecate', 'churn@1.0.0', '--why', why);

async function documents(digest: string) {
  const referrers = await repository().referrers(digest, TYPE);
  const read = async ({ digest: own }: { digest: string }) =>
    JSON.parse(Buffer.from((await readArtifact(repository(), own, TYPE)).bytes).toString());
  return Promise.all(referrers.map(read));
}

describe('deprecate', () => {
  it('hangs why, when and who on the model, and one tag says it of the version', async () => {
    const { digest } = json(project, 0, 'status').models[0].releases[2];
    const said = deprecate(`  ${WHY}\n`);
    expect(said).toEqual({
      model: 'churn',
      version: '1.0.0',
      digest,
      why: WHY,
      date: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      by: 'Ada <ada@example.com>',
      created: true,
    });
    const { created: _, ...document } = said;
    expect(await documents(digest)).toEqual([{ schema: 'edgeloop.deprecation/v1', ...document }]);
    expect(deprecatedTags()).toEqual(['deprecated-1.0.0']);
    expect(json(project, 0, 'verify')).toEqual({ ok: true, findings: [] });
  });

  it('does nothing with the same words, and adds others', async () => {
    const first = deprecate(WHY);
    const blobs = () => readdirSync(join(project, '.edgeloop/registry/churn/blobs/sha256')).length;
    const [tags, count] = [taggedManifests(project), blobs()];
    expect(deprecate(WHY)).toEqual({ ...first, created: false });
    expect(blobs()).toBe(count);
    deprecate('and its card names no units');
    expect((await documents(first.digest)).map(({ why }) => why).toSorted()).toEqual([
      'and its card names no units',
      WHY,
    ]);
    // The tag stays where it is: a registry whose tags never move takes it too.
    expect(taggedManifests(project)).toEqual(tags);
  });

  it('is seen by its tag where the referrers were lost, and refused where the tag names something else', async () => {
    deprecate(WHY);
    const tagged = taggedManifests(project).find(({ tag }) => tag === 'deprecated-1.0.0');
    const { bytes } = (await repository().readManifest(tagged?.digest ?? '')) ?? { bytes: Buffer.of() };
    const { subject: _, ...alone } = JSON.parse(Buffer.from(bytes).toString());
    for (const version of ['2.0.0', '2.1.0']) {
      await repository().writeManifest(Buffer.from(JSON.stringify(alone)), { tag: `deprecated-${version}` });
    }
    expectError(project, ['rollout', 'churn@2.0.0', '--channel', 'production'], {
      exit: 3,
      code: 'deprecation-invalid',
      says: ['a deprecation of churn 2.0.0', 'it is of churn 1.0.0'],
    });
    await repository().writeManifest(Buffer.from(JSON.stringify(alone)), {
      tag: 'deprecated-1.0.0',
      moveTag: true,
    });
    expect(json(project, 3, 'rollout', 'churn@1.0.0', '--channel', 'production').error.code).toBe(
      'release-deprecated',
    );
  });

  it.each([
    ['nothing', '', '--why says nothing'],
    ['spaces', ' \n ', '--why says nothing'],
    ['an essay', 'x'.repeat(1001), '--why has 1001 characters'],
  ])('refuses %s as a reason', (_, why, says) => {
    expectError(project, ['deprecate', 'churn@1.0.0', '--why', why], {
      exit: 2,
      code: 'why-invalid',
      says: [says],
    });
    expect(deprecatedTags()).toEqual([]);
  });

  it('asks for a version and for a reason', () => {
    expectError(project, ['deprecate', 'churn', '--why', WHY], {
      exit: 2,
      code: 'usage',
      says: ['MODEL@VERSION'],
    });
    expectError(project, ['deprecate', 'churn@1.0.0'], { exit: 2, code: 'usage', says: ['--why'] });
    expectError(project, ['deprecate', 'horn@1.0.0', '--why', WHY], {
      exit: 2,
      code: 'model-unknown',
      says: ['horn'],
    });
    expect(deprecatedTags()).toEqual([]);
  });

  it('names nobody where git knows nobody', () => {
    for (const key of ['user.name', 'user.email']) git(project, 'config', key, '');
    expect(deprecate(WHY)).toMatchObject({ by: null, created: true });
    expectError(project, ['rollout', 'churn@1.0.0', '--channel', 'production'], {
      exit: 3,
      code: 'release-deprecated',
      says: [`${WHY} (somebody, `],
    });
  });

  it('is a tag that push gives to nobody', () => {
    const ran = edgeloop(project, 'push', 'training', 'oci:elsewhere/churn:deprecated-1.0.0');
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('error[tag-reserved]') });
  });
});
