import { misuse } from '../errors.ts';
import { openLayoutRegistry, type Registry } from '../oci/index.ts';

/** The one place where a registry is chosen: `oci:FOLDER`. */
export function openRegistry(setting: string): Registry {
  if (setting.startsWith('oci:')) return openLayoutRegistry(setting.slice('oci:'.length));
  throw misuse(
    'registry-unsupported',
    `the registry "${setting}" is not a folder, and this version reads and writes folders only`,
    'Write oci:FOLDER, for example oci:.edgeloop/registry.',
  );
}
