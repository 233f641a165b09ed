import { misuse } from '../errors.ts';
import { openLayoutRegistry, openLayoutRepository } from './layout/layout.ts';
import { parseReference, type Reference } from './reference.ts';
import type { Authorization } from './registry/authorization-types.ts';
import type { HttpRegistrySettings } from './registry/endpoint.ts';
import { openHttpRegistry, openHttpRepository } from './registry/http-registry.ts';
import type { Registry, Repository } from './repository.ts';

export interface OpenRegistryOptions {
  /** Who we are to a registry host; anonymous without it. */
  authorize?: (host: string) => Authorization | undefined;
  /** Plain HTTP, which goes by itself to loopback addresses only. */
  plainHttp?: boolean;
  /** Ends every request and every wait with its reason. */
  signal?: AbortSignal;
  /** A folder in which uploads are remembered, so that another process goes on with them. */
  uploads?: string;
}

/**
 * Opens the registry that a setting names: `oci:FOLDER`, or `HOST[:PORT]/PREFIX` with a repository below it per model.
 * Throws the misuse `registry-unsupported`, which says what is wrong with it.
 */
export function openRegistry(setting: string, options: OpenRegistryOptions = {}): Registry {
  const [, folder] = /^oci:(.+)$/s.exec(setting) ?? [];
  if (folder !== undefined) return openLayoutRegistry(folder);
  const { host, prefix } = hostAndPrefix(setting);
  return openHttpRegistry({ prefix, ...settingsFor(host, options) });
}

/** Opens the one repository that a reference names. */
export function openReference(reference: Reference, options: OpenRegistryOptions = {}): Repository {
  if (reference.kind === 'layout') return openLayoutRepository(reference.folder);
  return openHttpRepository(reference.repository, settingsFor(reference.host, options));
}

function settingsFor(
  host: string,
  { authorize, ...options }: OpenRegistryOptions,
): Omit<HttpRegistrySettings, 'prefix'> {
  const authorization = authorize?.(host);
  return { host, ...options, ...(authorization && { authorization }) };
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
