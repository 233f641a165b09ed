import { beforeAll, describe, expect, it } from 'vitest';
import { readArtifact, writeArtifact } from '../../src/oci/index.ts';
import { DEPRECATION_ARTIFACT_TYPE, deprecationBytes } from '../../src/versioning/index.ts';
import {
  alterLock,
  dropManifests,
  dropTags,
  forgeModel,
  pointTag,
  referrersOf,
  repositoryOf,
  writeFallback,
  unlist,
} from '../fixtures/disagreements.ts';
import { type Disagreement, expectDisagreement, REPAIR } from '../fixtures/expect-disagreement.ts';
import { json } from '../fixtures/json-answer.ts';
import { VERDICT } from '../fixtures/project-files.ts';
import { type RolledOut, rolledOut } from '../fixtures/rolled-out.ts';

const DATASET = 'application/vnd.edgeloop.dataset-manifest.v1+jsonl';
const CODE = 'application/vnd.edgeloop.code-manifest.v1+jsonl';
const REPORT = 'application/vnd.edgeloop.report.v1+html';
const HEX = 'f'.repeat(64);

const dropAll = async (copy: string, version: string, type: string): Promise<void> =>
  dropManifests(copy, ...(await referrersOf(copy, version, type)));

/** Records a verdict whose floor its own figures miss, as that of 1.0.1. */
async function recordAltered(copy: string, { now }: RolledOut): Promise<void> {
  const repository = repositoryOf(copy);
  const { bytes, subject } = await readArtifact(repository, now.verdict, VERDICT);
  const verdict = JSON.parse(Buffer.from(bytes).toString());
  verdict.rules.metrics.auc.min = 0.999;
  const altered = { artifactType: VERDICT, mediaType: VERDICT, bytes: Buffer.from(JSON.stringify(verdict)) };
  const { digest } = await writeArtifact(repository, { ...altered, ...(subject && { subject }) });
  await alterLock(copy, '1.0.1', { verdict: digest });
}

const DISAGREEMENTS: Disagreement[] = [
  {
    what: 'a verdict that is gone, and makes none up',
    make: (copy, { now }) => dropManifests(copy, now.verdict),
    codes: ['verdict-missing'],
    finding: ({ now }) => ({
      code: 'verdict-missing',
      subject: now.verdict,
      values: { lock: now.verdict, registry: null },
      mend: /^A verdict is not made again for a release: copy it back/,
    }),
    repaired: [],
  },
  {
    what: 'a verdict that is there and not listed',
    make: (copy, { now }) => unlist(copy, now.verdict),
    codes: ['referrer-unlisted'],
    finding: ({ now }) => ({
      code: 'referrer-unlisted',
      subject: now.verdict,
      values: { lock: now.verdict, registry: 'not listed' },
      mend: REPAIR,
    }),
    repaired: ['referrer-unlisted'],
  },
  {
    what: 'a verdict that its own figures do not bear out',
    make: recordAltered,
    codes: ['verdict-altered', 'report-missing'],
    finding: () => ({
      code: 'verdict-altered',
      subject: /^sha256:/,
      values: { verdict: 'pass', figures: 'fail' },
      mend: /^Find out who wrote it/,
    }),
    repaired: [],
  },
  {
    what: 'a lock file with another champion than the verdict',
    make: (copy) => alterLock(copy, '1.0.1', { champion: null }),
    codes: ['verdict-disagrees'],
    finding: ({ old, now }) => ({
      code: 'verdict-disagrees',
      subject: `${now.verdict} champion`,
      values: { verdict: old.modelManifest, lock: null },
      mend: /^Find out who wrote it/,
    }),
    repaired: [],
  },
  {
    what: 'a report that is gone',
    make: (copy) => dropAll(copy, '1.0.1', REPORT),
    codes: ['report-missing'],
    finding: ({ now }) => ({
      code: 'report-missing',
      subject: now.verdict,
      values: { lock: now.verdict, registry: null },
      mend: /^Copy it back/,
    }),
    repaired: [],
  },
  {
    what: 'a list of the data that is gone, where they are checked out',
    make: (copy) => dropAll(copy, '1.0.1', DATASET),
    codes: ['dataset-manifest-missing'],
    finding: ({ now }) => ({
      code: 'dataset-manifest-missing',
      subject: now.modelManifest,
      values: { git: now.dataset, registry: null },
      mend: /^Make it again where that dataset is checked out: git checkout [0-9a-f]{40} && /,
    }),
    repaired: ['dataset-manifest-missing'],
  },
  {
    what: 'a list of the data that is gone, and does not make it of other data',
    make: (copy) => dropAll(copy, '1.0.0', DATASET),
    codes: ['dataset-manifest-missing'],
    finding: ({ old }) => ({
      code: 'dataset-manifest-missing',
      subject: old.modelManifest,
      values: { git: old.dataset, registry: null },
      mend: new RegExp(`git checkout ${old.trainedCommit} && edgeloop verify churn --repair$`),
    }),
    repaired: [],
  },
  {
    what: 'a list of the code that is gone',
    make: (copy) => dropAll(copy, '1.0.0', CODE),
    codes: ['code-manifest-missing'],
    finding: ({ old }) => ({
      code: 'code-manifest-missing',
      subject: old.modelManifest,
      values: { git: expect.stringMatching(/^sha256:/), registry: null },
      mend: /^Make it again where that code is checked out: /,
    }),
    // The code is that of both versions.
    repaired: ['code-manifest-missing'],
  },
  {
    what: 'a lock file with other data than the card',
    make: (copy) => alterLock(copy, '1.0.1', { dataset: `sha256:${HEX}` }),
    codes: ['card-disagrees', 'dataset-manifest-missing'],
    finding: ({ now }) => ({
      code: 'card-disagrees',
      subject: `${now.modelManifest} dataset`,
      values: { card: now.dataset, lock: `sha256:${HEX}` },
      mend: /release again under the next version/,
    }),
    repaired: [],
  },
  {
    what: 'a fallback tag that lists what is gone',
    make: async (copy, { now }) => {
      const [report = ''] = await referrersOf(copy, '1.0.1', REPORT);
      await writeFallback(copy, now.modelManifest, report, REPORT);
      dropManifests(copy, report);
    },
    codes: ['referrer-missing', 'report-missing', 'manifest-missing'],
    finding: () => ({
      code: 'referrer-missing',
      subject: /^sha256:/,
      values: { list: expect.stringMatching(/^sha256:/), registry: null },
      mend: /take it off the list/,
    }),
    repaired: [],
  },
  {
    what: 'a fallback tag that calls a report a verdict',
    make: async (copy, { now }) => {
      const [report = ''] = await referrersOf(copy, '1.0.1', REPORT);
      await writeFallback(copy, now.modelManifest, report, VERDICT);
    },
    codes: ['referrer-disagrees'],
    finding: ({ now }) => ({
      code: 'referrer-disagrees',
      subject: /^sha256:/,
      values: { list: `${VERDICT} of ${now.modelManifest}`, manifest: `${REPORT} of ${now.modelManifest}` },
      mend: /^Find out who wrote the list/,
    }),
    repaired: [],
  },
  {
    what: 'a deprecation that no tag tells of any more',
    make: (copy) => {
      json(copy, 0, 'deprecate', 'churn@1.0.0', '--why', 'it is old');
      dropTags(copy, 'deprecated-1.0.0');
    },
    codes: ['deprecation-untagged'],
    finding: () => ({
      code: 'deprecation-untagged',
      subject: 'deprecated-1.0.0',
      values: { tag: null, referrers: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
      mend: REPAIR,
    }),
    repaired: ['deprecation-untagged'],
  },
  {
    what: 'a deprecation of another version',
    make: async (copy) => {
      json(copy, 0, 'deprecate', 'churn@1.0.0', '--why', 'it is old');
      await pointTag(copy, 'deprecated-1.0.1', 'deprecated-1.0.0');
    },
    codes: ['deprecation-invalid'],
    finding: () => ({
      code: 'deprecation-invalid',
      subject: 'deprecated-1.0.1',
      mend: /^Find out who wrote it/,
    }),
    repaired: [],
  },
  {
    what: 'a deprecation that refers to another model',
    make: async (copy, { old, now }) => {
      const [type, date] = [DEPRECATION_ARTIFACT_TYPE, '2026-01-02T03:04:05Z'];
      const named = { model: 'churn', version: '1.0.1', digest: now.modelManifest };
      const said = { schema: 'edgeloop.deprecation/v1', ...named, why: 'it is new', date, by: null } as const;
      const subject = (await repositoryOf(copy).readManifest(old.modelManifest))?.descriptor;
      await writeArtifact(repositoryOf(copy), {
        artifactType: type,
        mediaType: type,
        bytes: deprecationBytes(said),
        tag: 'deprecated-1.0.1',
        ...(subject && { subject }),
      });
    },
    codes: ['deprecation-misplaced', 'deprecation-untagged'],
    failed: ['deprecation-invalid'],
    finding: () => ({
      code: 'deprecation-misplaced',
      subject: 'deprecated-1.0.1',
      values: { tag: expect.stringMatching(/^sha256:/), referrers: null },
      mend: /^Find out who wrote it, delete it/,
    }),
    repaired: [],
  },
  {
    what: 'a model whose annotations are not those of its card',
    make: (copy) => forgeModel(copy, '1.0.1', { 'dev.edgeloop.job': 'another' }),
    codes: [
      'manifest-disagrees',
      'tag-moved',
      'tag-moved',
      'verdict-disagrees',
      'verdict-disagrees',
      'report-missing',
      'dataset-manifest-missing',
      'code-manifest-missing',
      'image-disagrees',
      'image-disagrees',
      'channel-disagrees',
    ],
    finding: () => ({
      code: 'manifest-disagrees',
      subject: /^sha256:[0-9a-f]{64} dev\.edgeloop\.job$/,
      values: { manifest: 'another', card: expect.stringMatching(/^edgeloop-churn-/) },
      mend: /release under the next version/,
    }),
    repaired: ['dataset-manifest-missing', 'code-manifest-missing'],
  },
];

describe('verify of what refers to a release', () => {
  let was: RolledOut;
  beforeAll(() => {
    was = rolledOut();
  }, 120_000);

  it.each(DISAGREEMENTS)('finds $what', async (disagreement) => {
    await expectDisagreement(was, disagreement);
    expect.hasAssertions();
  });
});
