import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  alterLock,
  dropManifests,
  dropTags,
  named,
  pointTag,
  repositoryOf,
} from '../fixtures/disagreements.ts';
import { type Disagreement, expectDisagreement, REPAIR } from '../fixtures/expect-disagreement.ts';
import { json } from '../fixtures/json-answer.ts';
import { type RolledOut, rolledOut } from '../fixtures/rolled-out.ts';

/** What is found of a version of which nothing is left. */
const LOST = ['model-manifest-missing', 'tag-missing', 'tag-missing', 'tag-missing'];
const HEX = 'f'.repeat(64);

/** The manifests that an index names. */
async function childrenOf(copy: string, tag: string): Promise<string[]> {
  const { bytes } = (await repositoryOf(copy).readManifest(named(copy, tag))) ?? { bytes: Buffer.of() };
  const { manifests }: { manifests: { digest: string }[] } = JSON.parse(Buffer.from(bytes).toString());
  return manifests.map(({ digest }) => digest);
}

const DISAGREEMENTS: Disagreement[] = [
  {
    what: "a model's tag that is gone",
    make: (copy) => dropTags(copy, '1.0.1-model'),
    codes: ['tag-missing'],
    finding: ({ now }) => ({
      code: 'tag-missing',
      subject: '1.0.1-model',
      values: { git: now.modelManifest, registry: null },
      mend: REPAIR,
    }),
    repaired: ['tag-missing'],
  },
  {
    what: "a candidate's tag that is gone",
    make: (copy, { now }) => dropTags(copy, `in-${now.inputKey}`),
    codes: ['tag-missing'],
    finding: ({ now }) => ({
      code: 'tag-missing',
      subject: `in-${now.inputKey}`,
      values: { git: now.modelManifest, registry: null },
      mend: REPAIR,
    }),
    repaired: ['tag-missing'],
  },
  {
    what: 'an image that is gone, with all that names it',
    make: async (copy, { now }) => dropManifests(copy, now.image, ...(await childrenOf(copy, '1.0.1'))),
    codes: ['tag-missing', 'moving-tag-stale', 'moving-tag-stale'],
    finding: ({ now }) => ({
      code: 'tag-missing',
      subject: '1.0.1',
      values: { git: now.image, registry: null },
      mend: REPAIR,
    }),
    repaired: ['tag-missing', 'moving-tag-stale', 'moving-tag-stale'],
  },
  {
    what: 'an image that lacks the manifest for one platform',
    make: async (copy) => dropManifests(copy, ...(await childrenOf(copy, '1.0.1')).slice(0, 1)),
    codes: ['image-incomplete', 'manifest-missing'],
    finding: () => ({
      code: 'image-incomplete',
      subject: '1.0.1',
      values: { image: expect.stringMatching(/^sha256:/), registry: null },
      mend: REPAIR,
    }),
    repaired: ['image-incomplete'],
    left: [],
  },
  {
    what: 'an image tag that names another version',
    make: (copy) => pointTag(copy, '1.0.0', '1.0.1'),
    codes: ['tag-moved', 'image-disagrees', 'image-disagrees'],
    finding: () => ({
      code: 'image-disagrees',
      subject: '1.0.0 dev.edgeloop.version',
      values: { image: '1.0.1', lock: '1.0.0' },
      mend: /never moved/,
    }),
    repaired: [],
  },
  {
    what: 'a model tag that names another model',
    make: (copy) => pointTag(copy, '1.0.1-model', '1.0.0-model'),
    codes: ['tag-moved'],
    finding: ({ old, now }) => ({
      code: 'tag-moved',
      subject: '1.0.1-model',
      values: { git: now.modelManifest, registry: old.modelManifest },
      mend: /never moved: find out who wrote/,
    }),
    repaired: [],
  },
  {
    what: 'a model that is lost, and makes none up',
    make: (copy, { now }) => dropManifests(copy, now.modelManifest),
    codes: ['model-manifest-missing', 'tag-missing', 'tag-missing'],
    finding: ({ now }) => ({
      code: 'model-manifest-missing',
      subject: now.modelManifest,
      values: { git: now.modelManifest, registry: null },
      mend: /^Copy it back from another registry or a backup/,
    }),
    repaired: [],
  },
  {
    what: 'a released version that git does not know',
    make: (copy) => pointTag(copy, '9.9.9', '1.0.1'),
    codes: ['release-not-in-git'],
    finding: ({ now }) => ({
      code: 'release-not-in-git',
      subject: '9.9.9',
      values: { git: null, registry: now.image },
      mend: /find out who wrote it/,
    }),
    repaired: [],
  },
  {
    what: 'a candidate under the input key of another one',
    make: (copy) => pointTag(copy, `in-${HEX}`, '1.0.1-model'),
    codes: ['candidate-misnamed'],
    finding: ({ now }) => ({
      code: 'candidate-misnamed',
      subject: `in-${HEX}`,
      values: { tag: HEX, card: now.inputKey },
      mend: /train again/,
    }),
    repaired: [],
  },
  {
    what: 'a moving tag that stayed behind',
    make: (copy) => pointTag(copy, '1', '1.0.0'),
    codes: ['moving-tag-stale'],
    finding: ({ old, now }) => ({
      code: 'moving-tag-stale',
      subject: '1',
      values: { git: now.image, registry: old.image },
      mend: REPAIR,
    }),
    repaired: ['moving-tag-stale'],
  },
  {
    what: 'a moving tag that is gone',
    make: (copy) => dropTags(copy, '1.0'),
    codes: ['moving-tag-stale'],
    finding: ({ now }) => ({
      code: 'moving-tag-stale',
      subject: '1.0',
      values: { git: now.image, registry: null },
      mend: REPAIR,
    }),
    repaired: ['moving-tag-stale'],
  },
  {
    what: 'a moving tag ahead of git, and does not take it back',
    make: async (copy) => {
      await pointTag(copy, '1.0.2', '1.0.0');
      await pointTag(copy, '1', '1.0.0');
    },
    codes: ['release-not-in-git', 'moving-tag-stale'],
    finding: ({ old, now }) => ({
      code: 'moving-tag-stale',
      subject: '1',
      values: { git: now.image, registry: old.image },
      mend: REPAIR,
    }),
    repaired: [],
  },
  {
    what: 'a moving tag of a version that never was',
    make: (copy) => pointTag(copy, '7', '1.0.1'),
    codes: ['moving-tag-unknown'],
    finding: ({ now }) => ({
      code: 'moving-tag-unknown',
      subject: '7',
      values: { git: null, registry: now.image },
      mend: /delete it/,
    }),
    repaired: [],
  },
  {
    what: 'a lock file with another input key than the card',
    make: (copy) => alterLock(copy, '1.0.1', { inputKey: HEX }),
    codes: ['card-disagrees', 'tag-missing'],
    finding: ({ now }) => ({
      code: 'card-disagrees',
      subject: `${now.modelManifest} input key`,
      values: { card: now.inputKey, lock: HEX },
      mend: /release again under the next version/,
    }),
    repaired: [],
  },
  {
    what: 'a lock file with another image than the one that it describes',
    make: (copy, { old }) => alterLock(copy, '1.0.1', { image: old.image }),
    codes: ['image-disagrees', 'tag-moved', 'moving-tag-stale', 'moving-tag-stale'],
    finding: ({ old, now }) => ({
      code: 'image-disagrees',
      subject: '1.0.1',
      values: { lock: old.image, built: now.image },
      mend: /release again under the next version/,
    }),
    repaired: [],
  },
  {
    what: 'a flipped byte in the largest blob',
    make: (copy) => flipByteOfLargest(copy),
    codes: ['digest-mismatch'],
    finding: () => ({ code: 'digest-mismatch', subject: /^sha256:/, mend: /\w/ }),
    repaired: [],
  },
  {
    what: 'a registry that is gone, and makes up nothing',
    make: (copy) => rmSync(join(copy, '.edgeloop/registry'), { recursive: true }),
    codes: [
      LOST,
      LOST,
      'moving-tag-stale',
      'moving-tag-stale',
      'channel-not-written',
      'channel-not-written',
    ].flat(),
    finding: ({ now }) => ({
      code: 'tag-missing',
      subject: '1.0.1',
      values: { git: now.image, registry: null },
      mend: /^Restore the model sha256:[0-9a-f]{64} first/,
    }),
    repaired: [],
  },
];

/** In the middle of a model's weights. */
function flipByteOfLargest(copy: string): void {
  const folder = join(copy, '.edgeloop/registry/churn/blobs/sha256');
  const sizes = readdirSync(folder).map((name) => ({ name, size: statSync(join(folder, name)).size }));
  const { name = '' } = sizes.toSorted((a, b) => b.size - a.size)[0] ?? {};
  const bytes = readFileSync(join(folder, name));
  bytes[700] = (bytes[700] ?? 0) ^ 1;
  writeFileSync(join(folder, name), bytes);
}

describe('verify of the registry', () => {
  let was: RolledOut;
  beforeAll(() => {
    was = rolledOut();
  }, 120_000);

  it('finds nothing wrong with what release and rollout wrote', () => {
    expect(json(was.project, 0, 'verify')).toEqual({ ok: true, findings: [] });
    const repaired = json(was.project, 0, 'verify', 'churn', '--repair');
    expect(repaired).toEqual({ ok: true, findings: [], repaired: [] });
  });

  it.each(DISAGREEMENTS)('finds $what', async (disagreement) => {
    await expectDisagreement(was, disagreement);
    expect.hasAssertions();
  });
});
