import { endpointOf, type HttpRegistrySettings } from './endpoint.ts';
import { refuseHtml, registryError } from './registry-errors.ts';
import { type RegistryAnswer, type RegistryRequest, request } from './requests.ts';

/** What is asked of a registry beyond the distribution specification. */
export interface RegistryQuestion extends Omit<RegistryRequest, 'receive'> {
  /** For messages: a clause such as `reading the attributes of HOST/REPOSITORY`. */
  what: string;
}

/** Asks with the registry's own credentials, and gives each a few tries. Resolves with 2xx and 404, else throws. */
export function askRegistry(
  settings: Omit<HttpRegistrySettings, 'prefix'>,
): (question: RegistryQuestion) => Promise<RegistryAnswer> {
  const endpoint = endpointOf({ ...settings, prefix: '' });
  return async ({ what, ...asked }) => {
    const answer = await request(endpoint, asked);
    if (answer.status !== 404 && (answer.status < 200 || answer.status > 299))
      throw registryError(answer, what);
    refuseHtml(answer, what);
    return answer;
  };
}
