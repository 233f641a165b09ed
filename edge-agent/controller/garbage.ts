import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isSystemError, messageOf } from '../../src/errors.ts';
import { pullPlaces } from '../../src/oci/index.ts';
import { type Context, modelFolder, stateOfModel, versionFolder } from './context.ts';

/**
 * Removes what lies in a model's folder and belongs to no version that serves, is kept warm or is on its way. Files
 * that cannot be removed are tried again after the next poll.
 */
export async function collectGarbage(context: Context, model: string): Promise<void> {
  const folder = modelFolder(context.settings.state, model);
  const { active, previous, candidate } = stateOfModel(context, model);
  const kept = new Set([active, previous, candidate].map((each) => each?.digest.slice('sha256:'.length)));
  // What has come of a version so far is not fetched again.
  if (candidate !== undefined)
    for (const place of Object.values(pullPlaces(versionFolder(context, model, candidate.digest))))
      kept.add(basename(place));
  try {
    for (const name of await listed(folder)) {
      if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
  } catch (error) {
    context.log('warn', `old files of ${model} were not removed: ${messageOf(error)}`, { model, folder });
  }
}

async function listed(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  }
}
