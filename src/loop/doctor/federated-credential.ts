import { EXCHANGE_AUDIENCE } from '../../azure/audiences.ts';

/** What Entra is told once, so that it believes a workflow's own token. */
export interface FederatedCredential {
  name: string;
  issuer: string;
  subject: string;
  audiences: string[];
}

/** A repository as its workflows' tokens name it. */
export interface TokenOrigin {
  /** `https://github.com`, or a GitHub Enterprise Server. */
  server: string;
  /** `OWNER/REPO`, in its own spelling. */
  repository: string;
  /** What GitHub says that the subject of each token begins with: `repo:OWNER/REPO`, or the same with ids. */
  prefix?: string | undefined;
  /** Ids of owner and repository, where they are known. */
  ids?: { owner: string; repository: string } | undefined;
}

/**
 * The credentials that the workflows of `edgeloop init` need: for what is on `branch`, for pull requests, and for each
 * environment that a rollout waits in. Where GitHub does not say which format a repository has, both: names alone, and
 * for repositories that were created, renamed or transferred after 2026-07-15 or have opted in, names with ids
 * (GitHub, "OpenID Connect reference", Immutable subject claims); a GitHub Enterprise Server knows names only.
 */
export function federatedCredentials(
  origin: TokenOrigin,
  { branch, environments }: { branch: string; environments: readonly string[] },
): FederatedCredential[] {
  const contexts = [
    { name: branch, context: `ref:refs/heads/${branch}` },
    { name: 'pull-request', context: 'pull_request' },
    ...environments.map((name) => ({ name: `environment-${name}`, context: `environment:${name}` })),
  ];
  return prefixesOf(origin).flatMap(({ prefix, suffix }) =>
    contexts.map(({ name, context }) => ({
      name: `edgeloop-${name}${suffix}`.replaceAll(/[^\w-]/g, '-'),
      issuer: issuerOf(origin.server),
      subject: `${prefix}:${context}`,
      audiences: [EXCHANGE_AUDIENCE],
    })),
  );
}

function prefixesOf({ server, repository, prefix, ids }: TokenOrigin): { prefix: string; suffix: string }[] {
  if (prefix !== undefined) return [{ prefix, suffix: '' }];
  const names = { prefix: `repo:${repository}`, suffix: '' };
  if (ids === undefined || !/^https:\/\/([a-z0-9-]+\.ghe|github)\.com$/.test(server)) return [names];
  const [owner = '', name = ''] = repository.split('/');
  return [names, { prefix: `repo:${owner}@${ids.owner}/${name}@${ids.repository}`, suffix: '-ids' }];
}

/** Who signs a workflow's token (GitHub, "OpenID Connect reference"). */
function issuerOf(server: string): string {
  if (server === 'https://github.com') return 'https://token.actions.githubusercontent.com';
  const [, tenant] = /^https:\/\/([a-z0-9-]+)\.ghe\.com$/.exec(server) ?? [];
  return tenant === undefined ? `${server}/_services/token` : `https://token.actions.${tenant}.ghe.com`;
}

/** The line that configures one, for the application with this client id. */
export function createLine(credential: FederatedCredential, clientId: string): string {
  return `az ad app federated-credential create --id ${clientId} --parameters '${JSON.stringify(credential)}'`;
}
