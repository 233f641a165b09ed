import { misuse } from '../errors.ts';
import { openLayoutRegistry } from './layout.ts';
import type { Registry } from './repository.ts';

/** Opens the registry that a setting names: `oci:FOLDER`. Throws the misuse `registry-unsupported`. */
export function openRegistry(setting: string): Registry {
  const [, folder] = /^oci:(.+)$/s.exec(setting) ?? [];
  if (folder !== undefined) return openLayoutRegistry(folder);
  throw misuse(
    'registry-unsupported',
    `the registry "${setting}" is not a folder, and this version reads and writes folders only`,
    'Write oci:FOLDER, for example oci:.edgeloop/registry.',
  );
}
