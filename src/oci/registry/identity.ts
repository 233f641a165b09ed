import { type EdgeloopError, failure } from '../../errors.ts';
import { isAzureRegistry } from './azure-host.ts';
import type { Credential } from './credential.ts';

/** Who we are to one registry. */
export type Identity =
  | { kind: 'anonymous' }
  | (Extract<Credential, { kind: 'basic' }> & { isWorkflow?: boolean })
  | Extract<Credential, { kind: 'identity-token' }>
  | EntraIdentity;

export interface EntraIdentity {
  kind: 'entra';
  entraToken: () => Promise<string>;
  entraSource?: (() => string | undefined) | undefined;
  /** Why there is none, once that is known: then only what anybody may do is left. */
  absent?: EdgeloopError;
}

export interface IdentitySettings {
  host: string;
  /** Goes before the other two. */
  credential?: Credential | undefined;
  /** Gives an Entra access token; used for Azure's registries only. */
  entraToken?: (() => Promise<string>) | undefined;
  /** What gave the last Entra token. */
  entraSource?: (() => string | undefined) | undefined;
  /** The GitHub workflow's token; used for `ghcr.io` only. */
  workflowToken?: string | undefined;
  /** True where another host, a test's for example, answers as Azure's do. */
  isAzure?: boolean;
}

/** Chooses who we are: a credential for this host, else what the host's own provider knows us by, else nobody. */
export function identityOf(settings: IdentitySettings): Identity {
  const { host, credential, entraToken, entraSource, workflowToken } = settings;
  if (credential !== undefined) return credential;
  const isAzure = settings.isAzure ?? isAzureRegistry(host);
  if (isAzure && entraToken !== undefined) return { kind: 'entra', entraToken, entraSource };
  // ghcr.io takes any user name with a token.
  if (host === 'ghcr.io' && workflowToken)
    return { kind: 'basic', username: 'edgeloop', password: workflowToken, isWorkflow: true };
  return { kind: 'anonymous' };
}

/** The failure `registry-unauthorized`, which says who was refused and what can be done, and never a secret. */
export function unauthorized(host: string, identity: Identity, scope: string, why = 'refused'): Error {
  const what = scope === '' ? '' : ` (${scope})`;
  if (identity.kind === 'entra' && identity.absent !== undefined) {
    const { message, remedy } = identity.absent;
    return failure(
      'registry-unauthorized',
      `${host} ${why} an anonymous request${what}, and there is ${message}`,
      `${remedy} Where there can be none, set EDGELOOP_REGISTRY_USERNAME and EDGELOOP_REGISTRY_PASSWORD to a token of the registry.`,
    );
  }
  return failure(
    'registry-unauthorized',
    `${host} ${why} ${nameOf(identity)}${what}`,
    remedyFor(host, identity),
  );
}

function nameOf(identity: Identity): string {
  if (identity.kind === 'anonymous') return 'an anonymous request';
  if (identity.kind === 'identity-token') return 'the identity token of "docker login"';
  if (identity.kind === 'entra') {
    const source = identity.entraSource?.();
    return source === undefined ? 'the Entra identity' : `the Entra identity of: ${source}`;
  }
  return identity.isWorkflow === true ? "the workflow's token" : `the user name "${identity.username}"`;
}

function remedyFor(host: string, identity: Identity): string {
  const logIn = `with "docker login ${host}"`;
  if (identity.kind === 'entra') return ROLES;
  if (isAzureRegistry(host) && identity.kind !== 'anonymous') return remedyOnAzure(host, identity);
  if (identity.kind === 'anonymous')
    return `Log in ${logIn}, or set EDGELOOP_REGISTRY_USERNAME and EDGELOOP_REGISTRY_PASSWORD; check the repository's name.`;
  if (identity.kind === 'identity-token')
    return `It may have expired, or may not do this: log in again ${logIn}.`;
  if (identity.isWorkflow === true)
    return 'Give the job "permissions: packages: write" and the repository access to the package.';
  return `Check its password and what it may do, then log in again ${logIn} or set EDGELOOP_REGISTRY_PASSWORD.`;
}

/** Microsoft, "Azure Container Registry Entra permissions and role assignments overview". */
const ROLES =
  'Give it the role AcrPull, or AcrPush to push, on this registry; where the registry has repository permissions (ABAC), which pass those two by, Container Registry Repository Reader or Writer. Or log in as another with "az login".';

function remedyOnAzure(host: string, identity: Credential): string {
  const [registry = ''] = host.split('.');
  if (identity.kind === 'identity-token')
    return `What "az acr login" leaves lasts three hours, and may do what its account may: log in again with "az acr login --name ${registry}", or take it away with "docker logout ${host}", and the Entra identity of this machine is asked.`;
  return `Its password may be wrong or past its expiry, or its scope map lacks the repository: az acr token show --registry ${registry} --name ${identity.username}; a new password gives "az acr token credential generate". With neither EDGELOOP_REGISTRY_USERNAME nor a docker login, the Entra identity of this machine is asked.`;
}
