import { failure } from '../../src/errors.ts';
import { openLayoutRegistry, type Registry } from '../../src/oci/index.ts';

/** Opens the registry that a setting names: `oci:FOLDER`. Throws `registry-unsupported`. */
export function openRegistry(setting: string): Registry {
  if (setting.startsWith('oci:') && setting.length > 4) return openLayoutRegistry(setting.slice(4));
  throw failure(
    'registry-unsupported',
    `the agent cannot read the registry "${setting}"`,
    'Name a folder: registry: oci:/path/to/registry.',
  );
}
