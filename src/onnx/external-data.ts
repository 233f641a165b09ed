import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { failure, messageOf } from '../errors.ts';
import type { EdgeloopError } from '../errors.ts';

/**
 * Checks that each file with a model's weights lies in the model's folder, also behind symbolic links, without opening
 * any: whoever loads the model would read them. Throws `model-data-outside` and `model-data-missing`.
 */
export async function checkExternalData(modelFile: string, locations: readonly string[]): Promise<void> {
  if (locations.length === 0) return;
  const root = await realpath(dirname(modelFile));
  for (const location of locations) {
    const named = `${modelFile} names the weights ${JSON.stringify(location)}`;
    if (leads(location)) throw outside(named);
    const target = await realpath(join(root, location)).catch((error: unknown) => {
      throw missing(`${named}, which cannot be found: ${messageOf(error)}`, error);
    });
    if (!target.startsWith(root.endsWith(sep) ? root : root + sep))
      throw outside(`${named}, a link to ${target}`);
    if (!(await stat(target)).isFile()) throw missing(`${named}, which is not a file`);
  }
}

/** Whether a path leaves its folder by its words alone; a backslash counts, since a device may run Windows. */
function leads(location: string): boolean {
  return isAbsolute(location) || location.includes('\0') || location.split(/[/\\]/).includes('..');
}

function outside(what: string): EdgeloopError {
  return failure(
    'model-data-outside',
    `${what}, outside of its folder`,
    'Write the weights into the folder of model.onnx and name them by a relative path, such as model.onnx.data.',
  );
}

function missing(what: string, cause?: unknown): EdgeloopError {
  return failure(
    'model-data-missing',
    what,
    'Put every file that model.onnx names beside it, under the name that it had when the model was saved.',
    cause === undefined ? undefined : { cause },
  );
}
