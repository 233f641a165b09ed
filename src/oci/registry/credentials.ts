import { join } from 'node:path';
import { misuse } from '../../errors.ts';
import type { Credential, Environment } from './credential.ts';
import { askCredentialHelper } from './credential-helper.ts';
import { readDockerConfig } from './docker-config.ts';

/**
 * The credential for a registry host (with its port): `EDGELOOP_REGISTRY_USERNAME` and `_PASSWORD`, else what the docker
 * configuration has for it; `undefined` for none. Throws `registry-credential-incomplete`, `docker-config-invalid` or
 * `credential-helper-failed`.
 */
export async function credentialFor(
  host: string,
  { environment, home }: { environment: Environment; home: string },
): Promise<Credential | undefined> {
  const given = givenCredential(environment);
  if (given !== undefined) return given;
  // Empty is what a workflow makes of a variable that is not set.
  const folder = environment['DOCKER_CONFIG'] || join(home, '.docker');
  const config = await readDockerConfig(join(folder, 'config.json'), host);
  const { helper, server, stored } = config;
  const helped = helper && (await askCredentialHelper(helper, server, { environment }));
  return helped || stored;
}

function givenCredential(environment: Environment): Credential | undefined {
  const username = environment['EDGELOOP_REGISTRY_USERNAME'] || undefined;
  const password = environment['EDGELOOP_REGISTRY_PASSWORD'] || undefined;
  if (username !== undefined && password !== undefined) return { kind: 'basic', username, password };
  if (username === undefined && password === undefined) return undefined;
  const [set, missing] = username === undefined ? ['PASSWORD', 'USERNAME'] : ['USERNAME', 'PASSWORD'];
  throw misuse(
    'registry-credential-incomplete',
    `EDGELOOP_REGISTRY_${set} is set, but EDGELOOP_REGISTRY_${missing} is not`,
    'Set both of them, or neither.',
  );
}
