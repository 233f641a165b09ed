import { misuse } from '../errors.ts';
import { openLayoutRegistry } from './layout.ts';
import { parseReference } from './reference.ts';
import type { Authorization } from './registry/authorization-types.ts';
import { openHttpRegistry } from './registry/http-registry.ts';
import type { Registry } from './repository.ts';

export interface OpenRegistryOptions {
  /** Who we are to a registry host; anonymous without it. */
  authorize?: (host: string) => Authorization | undefined;
  /** Plain HTTP, which goes by itself to loopback addresses only. */
  plainHttp?: boolean;
}

/**
 * Opens the registry that a setting names: `oci:FOLDER`, or `HOST[:PORT]/PREFIX` with a repository below it per model.
 * Throws the misuse `registry-unsupported`, which says what is wrong with it.
 */
export function openRegistry(setting: string, options: OpenRegistryOptions = {}): Registry {
  const [, folder] = /^oci:(.+)$/s.exec(setting) ?? [];
  if (folder !== undefined) return openLayoutRegistry(folder);
  const { host, prefix } = hostAndPrefix(setting);
  const authorization = options.authorize?.(host);
  return openHttpRegistry({
    host,
    prefix,
    ...(authorization && { authorization }),
    ...(options.plainHttp !== undefined && { plainHttp: options.plainHttp }),
  });
}

function hostAndPrefix(setting: string): { host: string; prefix: string } {
  try {
    const reference = parseReference(setting);
    if (reference.kind === 'registry' && reference.tag === undefined && reference.digest === undefined)
      return { host: reference.host, prefix: reference.repository };
  } catch (error) {
    throw unsupported(setting, error);
  }
  throw unsupported(setting);
}

function unsupported(setting: string, cause?: unknown): Error {
  const why = cause instanceof Error ? cause.message.replace(/^.*? is not a reference: /s, ': ') : '';
  return misuse(
    'registry-unsupported',
    `the registry "${setting}" is neither a folder nor a place in a registry${why}`,
    'Write oci:FOLDER, for example oci:.edgeloop/registry, or HOST[:PORT]/PREFIX, for example localhost:5000/models.',
    cause === undefined ? undefined : { cause },
  );
}
