import { misuse } from '../errors.ts';

/**
 * Where Resource Manager answers: `EDGELOOP_ARM_ENDPOINT` names another than the public cloud's. Throws
 * `azure-endpoint-unsafe` for what is no https:// address.
 */
export function armEndpoint(environment: NodeJS.ProcessEnv): URL {
  const named = environment['EDGELOOP_ARM_ENDPOINT'] || 'https://management.azure.com';
  const endpoint = URL.parse(named);
  if (endpoint?.protocol === 'https:') return endpoint;
  throw misuse(
    'azure-endpoint-unsafe',
    // A user name comes with a password.
    `EDGELOOP_ARM_ENDPOINT is ${named.replace(/\/\/[^/@]*@/, '//')}, where a token would not be safe`,
    'Write it as https://management.azure.com, or unset it.',
  );
}
