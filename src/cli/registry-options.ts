import { logIn, type OpenRegistryOptions } from '../oci/index.ts';
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
  return { authorize: logIn({ environment }), signal, ...(plainHttp === true && { plainHttp }) };
}
