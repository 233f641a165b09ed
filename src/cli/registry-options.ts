import { homedir } from 'node:os';
import { join } from 'node:path';
import { registryLogIn } from '../loop/registry-log-in.ts';
import type { OpenRegistryOptions } from '../oci/index.ts';
import type { CommonOptions, VerbContext } from './run-verb.ts';

/** The options of the verbs that work on one reference, without a project. */
export interface ReferenceOptions extends CommonOptions {
  plainHttp?: boolean;
}

/** How these verbs reach a registry. */
export function registryOptions(
  { plainHttp }: ReferenceOptions,
  { environment, signal }: VerbContext,
): OpenRegistryOptions {
  const cache = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return {
    authorize: registryLogIn({ environment, mask: () => {}, signal }),
    signal,
    uploads: join(cache, 'edgeloop', 'uploads'),
    ...(plainHttp === true && { plainHttp }),
  };
}
