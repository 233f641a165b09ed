import { type Channel, readChannel } from '../rollout/index.ts';
import { findChampion, listReleases, type Release } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

export interface Status {
  models: { model: string; champion: { version: string; digest: string } | null; releases: Release[] }[];
  channels: (Channel['document'] & { attestation: Channel['attestation'] })[];
}

/** Every model's releases and champion, and what each channel names. */
export async function readStatus(workspace: Workspace): Promise<Status> {
  const models: Status['models'] = [];
  const channels: Status['channels'] = [];
  for (const model of Object.keys(workspace.config.models)) {
    const champion = await findChampion(workspace, model);
    const releases = await listReleases(workspace, model);
    models.push({
      model,
      champion: champion === undefined ? null : { version: champion.version, digest: champion.digest },
      releases,
    });
    for (const name of workspace.config.channels) {
      const channel = await readChannel(repositoryOf(workspace, model), name);
      if (channel !== undefined) channels.push({ ...channel.document, attestation: channel.attestation });
    }
  }
  return { models, channels };
}
