import type { Config } from '../config/index.ts';
import { misuse } from '../errors.ts';
import type { GitHubClient, Person } from '../github/index.ts';
import { isLoopback } from '../http-agent.ts';
import type { SourceControl, VersionHistory } from '../versioning/index.ts';
import type { LoopDeps } from './workspace.ts';

/** What GitHub's runner sets, and whoever wants the same elsewhere. */
interface GitHubEnvironment {
  api: string;
  repository: string;
  token: string;
}

/**
 * Where versions are recorded: over GitHub's REST API in a workflow that has the repository's token, so that neither a
 * shallow checkout nor git's own credentials matter; else by git. `github.versions` decides it when it is set.
 */
export async function chooseVersionHistory(
  { github, file }: Config,
  sourceControl: SourceControl | undefined,
  deps: LoopDeps,
): Promise<VersionHistory | undefined> {
  const { environment, log } = deps;
  if (sourceControl === undefined || github.versions === 'git') return sourceControl;
  if (github.versions === undefined && !(await isOwnCheckout(sourceControl, environment)))
    return sourceControl;
  const client = await connectToGitHub(deps, `"github.versions" in ${file}`);
  log('debug', `versions are recorded in ${client.repository} over ${client.at.baseUrl}`);
  const { openVersionHistory } = await import('../github/index.ts');
  return openVersionHistory(client, releaser(environment), sourceControl);
}

/**
 * Opens the API as the environment says, for `repository` where that is known already; throws the misuse
 * `github-settings-missing`, which names who asked.
 */
export async function connectToGitHub(
  { environment, signal: user }: LoopDeps,
  askedBy: string,
  { repository, signal = user }: { repository?: string; signal?: AbortSignal } = {},
): Promise<GitHubClient> {
  const known = repository === undefined ? {} : { GITHUB_REPOSITORY: repository };
  const found = readEnvironment({ ...environment, ...known });
  if (found === undefined) {
    throw misuse(
      'github-settings-missing',
      `${askedBy} asks for GitHub's API, but GITHUB_TOKEN or GITHUB_REPOSITORY is not set`,
      'In a workflow: env: GITHUB_TOKEN: ${{ github.token }}; elsewhere: export GITHUB_REPOSITORY=OWNER/REPO GITHUB_TOKEN="$(gh auth token)"',
    );
  }
  requireSound(found);
  const { openGitHub } = await import('../github/index.ts');
  return openGitHub({ ...found, signal });
}

function requireSound({ api, repository }: GitHubEnvironment): void {
  const url = URL.parse(api);
  // The token would be there for everybody on the way to read.
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  const isNamed = /^[\w.-]+\/[\w.-]+$/.test(repository);
  if (isSafe && isNamed) return;
  throw misuse(
    'github-settings-invalid',
    isSafe
      ? `GITHUB_REPOSITORY is "${repository}", which is no OWNER/REPO`
      : `GITHUB_API_URL is "${api}", which is no https:// address`,
    'Set them as GitHub does: GITHUB_REPOSITORY=OWNER/REPO GITHUB_API_URL=https://api.github.com',
  );
}

/**
 * A workflow may work on something else than its own repository, a scratch folder for example, whose versions are none
 * of that repository's.
 */
export async function isOwnCheckout(
  sourceControl: SourceControl,
  environment: NodeJS.ProcessEnv,
): Promise<boolean> {
  const found = readEnvironment(environment);
  if (environment['GITHUB_ACTIONS'] !== 'true' || found === undefined) return false;
  const origin = await sourceControl.origin();
  const server = environment['GITHUB_SERVER_URL'] || 'https://github.com';
  return origin !== undefined && isRemoteOf(origin, server, found.repository);
}

/** True for an address of that repository, as git takes it: `https://HOST/OWNER/REPO.git`, `git@HOST:OWNER/REPO`. */
export function isRemoteOf(remote: string, server: string, repository: string): boolean {
  const { host, path } = remoteAddress(remote);
  return host === URL.parse(server)?.hostname && path === repository.toLowerCase();
}

/** Host and path of a remote, in lower case and without `.git`; both empty for a folder. */
export function remoteAddress(remote: string): { host: string; path: string } {
  const address = /^(?:[a-z]+:\/\/)?(?:[^@/]*@)?([^/:]+)(?::\d+)?[/:](.+?)(?:\.git)?\/?$/i;
  const [, host = '', path = ''] = address.exec(remote) ?? [];
  return { host: host.toLowerCase(), path: path.toLowerCase() };
}

/** A remote without the account before its host, which may be a token; a password may have an "@" of its own. */
export function withoutSecret(remote: string): string {
  return remote.replace(/\/\/[^/]*@/, '//');
}

function readEnvironment(environment: NodeJS.ProcessEnv): GitHubEnvironment | undefined {
  const token = environment['GITHUB_TOKEN'] || environment['GH_TOKEN'];
  const repository = environment['GITHUB_REPOSITORY'];
  if (!token || !repository) return undefined;
  const api = (environment['GITHUB_API_URL'] || 'https://api.github.com').replace(/\/$/, '');
  return { token, repository, api };
}

/** Who released, as GitHub names them in commits that it makes itself; else this program. */
function releaser(environment: NodeJS.ProcessEnv): Person {
  const { GITHUB_ACTOR: name, GITHUB_ACTOR_ID: id } = environment;
  if (!name || !id) return { name: 'Edgeloop', email: 'edgeloop@localhost' };
  return { name, email: `${id}+${name}@users.noreply.github.com` };
}
