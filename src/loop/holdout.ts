import { join } from 'node:path';
import { describeRemote, downloadRemote, parseManifest } from '../dataset/index.ts';
import { blameSetting } from './blame-setting.ts';
import type { Identity } from './identify.ts';
import { readOptions } from './inputs.ts';
import { workPath, type Workspace } from './workspace.ts';

/**
 * Brings a holdout that lies elsewhere to this disk, unless it is here already and unchanged; where it is one file, that
 * file is the holdout. Not part of `identify`: what is planned does not depend on it.
 */
export async function provideHoldout(workspace: Workspace, identity: Identity): Promise<Identity> {
  const { paths, model } = identity;
  const { remoteHoldout: store } = paths;
  if (store === undefined) return identity;
  return blameSetting(workspace, model, 'data.holdout', async () => {
    const options = readOptions(workspace);
    const { digest, manifest } = await describeRemote(store, options.signal);
    const files = parseManifest(await manifest());
    const kept = workPath(workspace, 'data', digest.slice('sha256:'.length));
    const folder = await downloadRemote(store, files, kept, options);
    const [only] = files;
    const isOne = files.length === 1 && only !== undefined && !only.path.includes('/');
    return { ...identity, paths: { ...paths, holdout: isOne ? join(folder, only.path) : folder } };
  });
}
