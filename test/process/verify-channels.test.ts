import { beforeAll, describe, expect, it } from 'vitest';
import { writeArtifact } from '../../src/oci/index.ts';
import { CHANNEL_ARTIFACT_TYPE, type ChannelDocument, channelDocumentBytes } from '../../src/trust/index.ts';
import { git } from '../fixtures/churn-project.ts';
import { dropTags, messageOf, named, repositoryOf, tagAs } from '../fixtures/disagreements.ts';
import { edit, taggedManifests } from '../fixtures/expect-error.ts';
import { type Disagreement, expectDisagreement, REPAIR } from '../fixtures/expect-disagreement.ts';
import { json } from '../fixtures/json-answer.ts';
import { copyOf } from '../fixtures/released-versions.ts';
import { type RolledOut, rolledOut } from '../fixtures/rolled-out.ts';

const CHANNEL = 'channel production';
const MOVE = 'churn#production#2';
const SETTLE = /a new move settles it: edgeloop rollout churn@VERSION --channel production$/;

/** Lets a tag name another document than a rollout wrote. */
async function writeDocument(
  copy: string,
  tag: string,
  { now }: RolledOut,
  change: Partial<ChannelDocument>,
): Promise<void> {
  const document: ChannelDocument = {
    schema: 'edgeloop.channel/v1',
    channel: 'production',
    model: 'churn',
    version: '1.0.1',
    digest: now.modelManifest,
    sequence: 2,
    issued: '2026-01-02T03:04:05Z',
    ...change,
  };
  await writeArtifact(repositoryOf(copy), {
    artifactType: CHANNEL_ARTIFACT_TYPE,
    mediaType: CHANNEL_ARTIFACT_TYPE,
    bytes: channelDocumentBytes(document),
    tag,
    moveTag: true,
  });
}

/** A rollout of 1.0.0 that got as far as its git tag. */
function cutRollout(copy: string, { old }: Pick<RolledOut, 'old'>): void {
  const digest = `Model-Manifest: ${old.modelManifest}`;
  tagAs(copy, 'churn#production#3', 'churn@v1.0.0^{}', `churn 1.0.0 to production\n\n${digest}`);
}

const DISAGREEMENTS: Disagreement[] = [
  {
    what: 'a channel that the registry lost',
    make: (copy) => dropTags(copy, 'channel-production', 'channel-production.2'),
    codes: ['channel-not-written'],
    finding: () => ({
      code: 'channel-not-written',
      subject: MOVE,
      values: { git: MOVE, registry: null },
      mend: REPAIR,
    }),
    repaired: ['channel-not-written'],
  },
  {
    what: 'a rollout that was cut before its document',
    make: cutRollout,
    codes: ['channel-not-written'],
    finding: () => ({
      code: 'channel-not-written',
      subject: 'churn#production#3',
      values: { git: 'churn#production#3', registry: '2' },
      mend: REPAIR,
    }),
    repaired: ['channel-not-written'],
  },
  {
    what: 'a rollout of what is deprecated since, and does not finish it',
    make: (copy, { old }) => {
      cutRollout(copy, { old });
      json(copy, 0, 'deprecate', 'churn@1.0.0', '--why', 'it is old');
    },
    codes: ['channel-not-written'],
    finding: () => ({
      code: 'channel-not-written',
      subject: 'churn#production#3',
      values: { git: 'churn#production#3', registry: '2' },
      mend: /^1\.0\.0 is deprecated: roll out another one/,
    }),
    repaired: [],
  },
  {
    what: 'a move that was made by hand, and does not follow it',
    make: (copy) => tagAs(copy, 'churn#production#3', 'churn@v1.0.0^{}', 'by hand'),
    codes: ['channel-not-written', 'trailer-disagrees'],
    finding: ({ old }) => ({
      code: 'trailer-disagrees',
      subject: 'churn#production#3 Model-Manifest',
      values: { message: null, lock: old.modelManifest },
      mend: /^It was not made by a rollout/,
    }),
    repaired: [],
  },
  {
    what: 'an older document that is gone',
    make: (copy) => dropTags(copy, 'channel-production.1'),
    codes: ['channel-document-missing'],
    finding: () => ({
      code: 'channel-document-missing',
      subject: 'churn#production#1',
      values: { git: 'churn#production#1', registry: '2' },
      mend: REPAIR,
    }),
    repaired: ['channel-document-missing'],
  },
  {
    what: 'a document that git has no tag for',
    make: (copy) => void git(copy, 'tag', '--delete', MOVE),
    codes: ['channel-tag-missing'],
    finding: () => ({
      code: 'channel-tag-missing',
      subject: MOVE,
      values: { git: null, registry: '2' },
      mend: REPAIR,
    }),
    repaired: ['channel-tag-missing'],
  },
  {
    what: 'the same of a channel that the configuration has no more',
    make: (copy) => {
      edit(copy, 'edgeloop.yaml', ['[production]', '[canary]']);
      git(copy, 'tag', '--delete', MOVE);
    },
    codes: ['channel-tag-missing'],
    finding: () => ({
      code: 'channel-tag-missing',
      subject: MOVE,
      values: { git: null, registry: '2' },
      mend: REPAIR,
    }),
    repaired: ['channel-tag-missing'],
  },
  {
    what: 'a document and a move to different versions',
    make: (copy) => tagAs(copy, MOVE, 'churn@v1.0.0^{}', messageOf(copy, 'churn#production#1')),
    codes: ['channel-tag-disagrees'],
    finding: ({ project }) => ({
      code: 'channel-tag-disagrees',
      subject: MOVE,
      values: {
        git: git(project, 'rev-parse', 'churn@v1.0.0^{}'),
        registry: git(project, 'rev-parse', 'churn@v1.0.1^{}'),
      },
      mend: SETTLE,
    }),
    repaired: [],
  },
  {
    what: 'a move to a commit that is no release',
    make: (copy) => tagAs(copy, MOVE, 'HEAD', messageOf(copy, MOVE)),
    codes: ['channel-tag-disagrees'],
    finding: ({ project }) => ({
      code: 'channel-tag-disagrees',
      subject: MOVE,
      values: { tag: git(project, 'rev-parse', 'HEAD'), releases: null },
      mend: /^It was not made by a rollout/,
    }),
    repaired: [],
  },
  {
    what: 'a document that names the digest of another version',
    make: (copy, was) => writeDocument(copy, 'channel-production', was, { digest: was.old.modelManifest }),
    codes: ['channel-disagrees', 'channel-document-disagrees'],
    finding: ({ old, now }) => ({
      code: 'channel-disagrees',
      subject: CHANNEL,
      values: { git: now.modelManifest, registry: old.modelManifest },
      mend: SETTLE,
    }),
    repaired: [],
  },
  {
    what: 'a document that is not the one that was kept',
    make: (copy, was) => writeDocument(copy, 'channel-production.2', was, {}),
    codes: ['channel-document-disagrees'],
    finding: ({ now }) => ({
      code: 'channel-document-disagrees',
      subject: CHANNEL,
      values: { current: now.modelManifest, kept: now.modelManifest },
      mend: SETTLE,
    }),
    repaired: [],
  },
  {
    what: 'a kept document of another model',
    make: (copy, was) => {
      const { modelManifest: digest } = was.old;
      const change = { model: 'other', sequence: 1, version: '1.0.0', digest };
      return writeDocument(copy, 'channel-production.1', was, change);
    },
    codes: ['channel-misnamed'],
    finding: () => ({
      code: 'channel-misnamed',
      subject: CHANNEL,
      values: { tag: 'churn#production#1', document: 'other#production#1' },
      mend: SETTLE,
    }),
    repaired: [],
  },
];

describe('verify of channels', () => {
  let was: RolledOut;
  beforeAll(() => {
    was = rolledOut();
  }, 120_000);

  it.each(DISAGREEMENTS)('finds $what', async (disagreement) => {
    await expectDisagreement(was, disagreement);
    expect.hasAssertions();
  });

  it("gives a channel its own document back, byte for byte, when only the channel's tag is gone", () => {
    const copy = copyOf(was.project);
    dropTags(copy, 'channel-production');
    expect(json(copy, 3, 'verify').findings).toEqual([
      expect.objectContaining({ code: 'channel-not-written', values: { git: MOVE, registry: null } }),
    ]);
    json(copy, 0, 'verify', '--repair');
    expect(taggedManifests(copy)).toContainEqual({
      tag: 'channel-production',
      digest: named(was.project, 'channel-production'),
    });
  });

  it('names in a tag that it creates the version of the document, as a rollout does', () => {
    const copy = copyOf(was.project);
    git(copy, 'tag', '--delete', MOVE);
    json(copy, 0, 'verify', '--repair');
    expect(git(copy, 'rev-parse', `${MOVE}^{}`)).toBe(git(was.project, 'rev-parse', 'churn@v1.0.1^{}'));
    expect(messageOf(copy, MOVE)).toBe(messageOf(was.project, MOVE));
  });
});
