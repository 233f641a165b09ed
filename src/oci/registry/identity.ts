import { failure } from '../../errors.ts';
import { isAzureRegistry } from './azure-host.ts';
import type { Credential } from './credential.ts';

/** Who we are to one registry. */
export type Identity =
  | { kind: 'anonymous' }
  | (Extract<Credential, { kind: 'basic' }> & { isWorkflow?: boolean })
  | Extract<Credential, { kind: 'identity-token' }>
  | { kind: 'entra'; entraToken: () => Promise<string> };

export interface IdentitySettings {
  host: string;
  /** Goes before the other two. */
  credential?: Credential | undefined;
  /** Gives an Entra access token; used for Azure's registries only. */
  entraToken?: (() => Promise<string>) | undefined;
  /** The GitHub workflow's token; used for `ghcr.io` only. */
  workflowToken?: string | undefined;
  /** True where another host, a test's for example, answers as Azure's do. */
  isAzure?: boolean;
}

/** Chooses who we are: a credential for this host, else what the host's own provider knows us by, else nobody. */
export function identityOf(settings: IdentitySettings): Identity {
  const { host, credential, entraToken, workflowToken } = settings;
  if (credential !== undefined) return credential;
  const isAzure = settings.isAzure ?? isAzureRegistry(host);
  if (isAzure && entraToken !== undefined) return { kind: 'entra', entraToken };
  // ghcr.io takes any user name with a token.
  if (host === 'ghcr.io' && workflowToken)
    return { kind: 'basic', username: 'edgeloop', password: workflowToken, isWorkflow: true };
  return { kind: 'anonymous' };
}

/** The failure `registry-unauthorized`, which says who was refused and what can be done, and never a secret. */
export function unauthorized(host: string, identity: Identity, scope: string, why = 'refused'): Error {
  const what = scope === '' ? '' : ` (${scope})`;
  return failure(
    'registry-unauthorized',
    `${host} ${why} ${nameOf(identity)}${what}`,
    remedyFor(host, identity),
  );
}

function nameOf(identity: Identity): string {
  if (identity.kind === 'anonymous') return 'an anonymous request';
  if (identity.kind === 'identity-token') return 'the identity token of "docker login"';
  if (identity.kind === 'entra') return 'the Entra identity';
  return identity.isWorkflow === true ? "the workflow's token" : `the user name "${identity.username}"`;
}

function remedyFor(host: string, identity: Identity): string {
  const logIn = `with "docker login ${host}"`;
  if (identity.kind === 'anonymous')
    return `Log in ${logIn}, or set EDGELOOP_REGISTRY_USERNAME and EDGELOOP_REGISTRY_PASSWORD; check the repository's name.`;
  if (identity.kind === 'identity-token')
    return `It may have expired, or may not do this: log in again ${logIn}.`;
  if (identity.kind === 'entra')
    return 'Give it the role AcrPull, or AcrPush to push, on this registry, or log in as another with "az login".';
  if (identity.isWorkflow === true)
    return 'Give the job "permissions: packages: write" and the repository access to the package.';
  return `Check its password and what it may do, then log in again ${logIn} or set EDGELOOP_REGISTRY_PASSWORD.`;
}
