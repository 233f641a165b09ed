import {
  type DatasetFile,
  parseManifest,
  type RemoteSample,
  type RemoteStore,
  sampleRemote,
} from '../dataset/index.ts';
import type { Identity } from './identify.ts';
import { readOptions } from './inputs.ts';
import { workPath, type Workspace } from './workspace.ts';

/** Of data that lie elsewhere no more than this is fetched to look at them. */
const SAMPLE_BYTES = 64 * 1024 * 1024;

/** Fetches a bounded sample of data that lie elsewhere, of these files or of all. */
export async function sampleData(
  workspace: Workspace,
  { dataset }: Identity,
  store: RemoteStore,
  wanted?: readonly DatasetFile[],
): Promise<RemoteSample> {
  const kept = workPath(workspace, 'data', `${dataset.digest.slice('sha256:'.length)}.sample`);
  const options = { ...readOptions(workspace), bytes: SAMPLE_BYTES };
  return sampleRemote(store, wanted ?? parseManifest(await dataset.manifest()), kept, options);
}
