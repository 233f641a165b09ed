import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openLayoutRepository, type Repository, writeArtifact } from '../oci/index.ts';
import { CHANNEL_ARTIFACT_TYPE, type ChannelDocument, channelDocumentBytes } from '../trust/index.ts';
import { channelSequences, newDocument, readChannel, readKept, writeChannel } from './index.ts';

const document = (sequence: number, version: string, day = 1): ChannelDocument =>
  newDocument(
    sequence,
    { channel: 'production', model: 'churn', version, digest: `sha256:${version[0]?.repeat(64)}` },
    new Date(Date.UTC(2026, 0, day)),
  );

const put = (repository: Repository, of: ChannelDocument, tag: string) =>
  writeArtifact(repository, {
    artifactType: CHANNEL_ARTIFACT_TYPE,
    mediaType: CHANNEL_ARTIFACT_TYPE,
    bytes: channelDocumentBytes(of),
    tag,
    moveTag: true,
  });

describe('a channel', () => {
  let repository: Repository;
  const named = async () => (await readChannel(repository, 'production'))?.document;
  const kept = async (sequence: number) => (await readKept(repository, 'production', sequence))?.document;

  beforeEach(async () => {
    repository = openLayoutRepository(join(await mkdtemp(join(tmpdir(), 'edgeloop-channel-')), 'churn'));
  });

  it('names the last document, and every one before is still there', async () => {
    const all = [document(1, '1.0.0'), document(2, '2.0.0'), document(3, '1.0.0')];
    for (const each of all) expect(await writeChannel(repository, each)).toEqual(each);
    expect(await named()).toEqual(all[2]);
    expect(await Promise.all([1, 2, 3, 4].map(kept))).toEqual([...all, undefined]);
    expect(await repository.tags()).toEqual([
      'channel-production',
      'channel-production.1',
      'channel-production.2',
      'channel-production.3',
    ]);
  });

  it('that was cut before its tag moved takes the kept document, not one of a later day', async () => {
    const [before, cut] = [document(1, '1.0.0'), document(2, '2.0.0')];
    await writeChannel(repository, before);
    await put(repository, cut, 'channel-production.2');
    expect(await named()).toEqual(before);
    expect(await writeChannel(repository, document(2, '2.0.0', 9))).toEqual(cut);
    expect([await named(), await kept(2)]).toEqual([cut, cut]);
  });

  it.each<[string, ChannelDocument]>([
    ['another version', document(2, '3.0.0')],
    ['another sequence', document(7, '2.0.0')],
    ['another channel', { ...document(2, '2.0.0'), channel: 'canary' }],
    ['another model', { ...document(2, '2.0.0'), model: 'digits' }],
    ['another digest', { ...document(2, '2.0.0'), digest: document(1, '1.0.0').digest }],
  ])(
    'refuses a sequence that somebody else has written with %s, and stays where it is',
    async (_, foreign) => {
      const before = document(1, '1.0.0');
      await writeChannel(repository, before);
      await put(repository, foreign, 'channel-production.2');
      await expect(writeChannel(repository, document(2, '2.0.0'))).rejects.toMatchObject({
        code: 'channel-moved',
        exitCode: 3,
      });
      expect([await named(), await kept(2)]).toEqual([before, foreign]);
    },
  );

  it('keeps the document that was written before there were tags of sequences', async () => {
    const old = document(4, '1.0.0');
    await put(repository, old, 'channel-production');
    await writeChannel(repository, document(5, '2.0.0'));
    expect(await kept(4)).toEqual(old);
  });

  it('is not taken back by whoever finishes an older document late', async () => {
    const [older, newer] = [document(1, '1.0.0'), document(2, '2.0.0')];
    await writeChannel(repository, older);
    await writeChannel(repository, newer);
    await writeChannel(repository, older);
    expect(await named()).toEqual(newer);
  });
});

describe('channelSequences', () => {
  it('reads the sequences of one channel, the newest first, and nothing else', () => {
    const others = [
      'channel-production',
      'channel-prod.7',
      'channel-production.x',
      'channel-production.0',
      '1.0.2',
    ];
    const own = ['channel-production.2', 'channel-production.10', 'channel-production.9'];
    expect(channelSequences([...others, ...own], 'production')).toEqual([10, 9, 2]);
  });
});
