import { placeOfSetting } from '../config/index.ts';
import { EdgeloopError } from '../errors.ts';
import type { Workspace } from './workspace.ts';

/**
 * Does what a setting of a model asks for. An expected error that comes of it names the line of edgeloop.yaml where that
 * setting stands, unless it names a better place itself.
 */
export async function blameSetting<T>(
  { config }: Pick<Workspace, 'config'>,
  model: string,
  setting: string | ((error: EdgeloopError) => string),
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof EdgeloopError) || error.places !== undefined || error.code === 'cancelled')
      throw error;
    const path = typeof setting === 'string' ? setting : setting(error);
    const place = placeOfSetting(config.file, ['models', model, ...path.split('.')]);
    if (place === undefined) throw error;
    const { exitCode, code, message, remedy, cause } = error;
    throw new EdgeloopError(exitCode, code, message, remedy, { cause, places: [{ ...place, message }] });
  }
}
