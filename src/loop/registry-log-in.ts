import { SCOPE } from '../azure/audiences.ts';
import type { AzureCredential } from '../azure/identity.ts';
import { type Authorization, logIn } from '../oci/index.ts';
import type { LoopDeps } from './workspace.ts';

/** How long an identity that was missed is not looked for again. */
const MISSED_MS = 30_000;

/**
 * Who we are to each registry host: what the environment or docker's configuration say, and to a registry of Azure, when
 * they say nothing, our Entra identity. Azure's SDK is loaded when such a registry asks.
 */
export function registryLogIn({
  environment,
  idToken,
  mask,
  signal,
}: Pick<LoopDeps, 'environment' | 'idToken' | 'mask'> & { signal?: AbortSignal }): (
  host: string,
) => Authorization {
  let credential: AzureCredential | undefined;
  let missed: { error: unknown; until: number } | undefined;
  return logIn({
    environment,
    mask,
    entraSource: () => credential?.source,
    async entraToken() {
      // To find nobody takes seconds, and each request would ask anew.
      if (missed !== undefined && performance.now() < missed.until) throw missed.error;
      const { azureCredential } = await import('../azure/identity.ts');
      credential ??= azureCredential(environment, { idToken, mask });
      try {
        return (await credential.getToken(SCOPE.registry, signal && { abortSignal: signal })).token;
      } catch (error) {
        signal?.throwIfAborted();
        missed = { error, until: performance.now() + MISSED_MS };
        throw error;
      }
    },
  });
}
