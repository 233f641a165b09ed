import type { Repository } from '../oci/index.ts';
import { type Channel, channelSequences, readChannel, readKept } from '../rollout/index.ts';
import { deprecatedVersions, type Release } from '../versioning/index.ts';
import { findChampion, listReleases } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** A channel's document, and those before it. */
export type ListedChannel = Channel['document'] & {
  attestation: Channel['attestation'];
  /** How many documents the channel has had. */
  documents: number;
  /** The newest of them, the newest first. */
  history: { sequence: number; version: string; issued: string }[];
};

export interface Status {
  models: {
    model: string;
    champion: { version: string; digest: string } | null;
    releases: Release[];
    /** Versions that are not to be rolled out any more. */
    deprecated: ReadonlySet<string>;
  }[];
  channels: ListedChannel[];
}

/** So many documents of a channel are read; each costs two requests. */
const HISTORY = 20;

/** Every model's releases and champion, and what each channel names and has named. */
export async function readStatus(workspace: Workspace): Promise<Status> {
  const models: Status['models'] = [];
  const channels: Status['channels'] = [];
  for (const model of Object.keys(workspace.config.models)) {
    const repository = repositoryOf(workspace, model);
    const [champion, releases, tags] = await Promise.all([
      findChampion(workspace, model),
      listReleases(workspace, model),
      repository.tags(),
    ]);
    models.push({
      model,
      champion: champion === undefined ? null : { version: champion.version, digest: champion.digest },
      releases,
      deprecated: deprecatedVersions(tags),
    });
    for (const name of workspace.config.channels) {
      const channel = await readChannel(repository, name);
      if (channel !== undefined) channels.push(await listChannel(repository, channel, tags));
    }
  }
  return { models, channels };
}

async function listChannel(
  repository: Repository,
  { document, attestation }: Channel,
  tags: readonly string[],
): Promise<ListedChannel> {
  const sequences = channelSequences(tags, document.channel);
  const kept = await Promise.all(
    sequences.slice(0, HISTORY).map((sequence) => readKept(repository, document.channel, sequence)),
  );
  const history = kept.flatMap((channel) => {
    if (channel === undefined) return [];
    const { sequence, version, issued } = channel.document;
    return [{ sequence, version, issued }];
  });
  return { ...document, attestation, documents: sequences.length, history };
}
