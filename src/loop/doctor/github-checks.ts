import { mainBranch } from '../../git/index.ts';
import { connectToGitHub, remoteAddress, withoutSecret } from '../on-github.ts';
import type { LoopDeps, Workspace } from '../workspace.ts';
import { type Found, ok, skipped } from './check.ts';
import {
  createLine,
  type FederatedCredential,
  federatedCredentials,
  type TokenOrigin,
} from './federated-credential.ts';

const REPOSITORY = /[/:]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/;

/** `OWNER/REPO` by the environment, else by `origin` where that is on GitHub. */
export async function repositoryOnGitHub({ sourceControl, deps }: Workspace): Promise<string | undefined> {
  const { GITHUB_REPOSITORY: named, GITHUB_SERVER_URL: server } = deps.environment;
  if (named) return named;
  const origin = (await sourceControl?.origin()) ?? '';
  const isThere = [URL.parse(server || '')?.hostname, 'github.com'].includes(remoteAddress(origin).host);
  return isThere ? REPOSITORY.exec(withoutSecret(origin))?.[1] : undefined;
}

/** Whether there is a token that GitHub takes. What it may write, GitHub tells only when it is tried. */
export async function lookAtGitHub(workspace: Workspace, signal: AbortSignal): Promise<Found> {
  const { deps } = workspace;
  const repository = await repositoryOnGitHub(workspace);
  if (repository === undefined) return skipped('there is no repository on GitHub');
  if (!hasToken(deps))
    return skipped(
      `nobody asks GitHub about ${repository}: GITHUB_TOKEN is not set`,
      `export GITHUB_REPOSITORY=${repository} GITHUB_TOKEN="$(gh auth token)"`,
    );
  const client = await connectToGitHub(deps, 'doctor', { repository, signal });
  const { readSomeTag } = await import('../../github/index.ts');
  await readSomeTag(client);
  return ok(`the token may read ${repository}; a release needs contents: write, which shows when it is used`);
}

/** The subjects that Entra must know, and the lines that tell it; `undefined` without a repository on GitHub. */
export async function subjectsForEntra(
  workspace: Workspace,
  signal: AbortSignal,
): Promise<{ credentials: FederatedCredential[]; mend: string; note: string } | undefined> {
  const { deps, sourceControl, config } = workspace;
  const { environment } = deps;
  const repository = await repositoryOnGitHub(workspace);
  if (repository === undefined) return undefined;
  const setting = await readSetting(workspace, repository, signal);
  const ids = idsIn(environment);
  const origin: TokenOrigin = {
    server: (environment['GITHUB_SERVER_URL'] || 'https://github.com').replace(/\/$/, ''),
    repository,
    prefix: setting?.prefix,
    ...(ids && { ids }),
  };
  const branch = sourceControl === undefined ? 'main' : await mainBranch(sourceControl.top);
  const credentials = federatedCredentials(origin, { branch, environments: config.channels });
  const clientId = environment['AZURE_CLIENT_ID'] || '"$AZURE_CLIENT_ID"';
  const lines = credentials.map((credential) => createLine(credential, clientId));
  return { credentials, mend: lines.join('\n'), note: noteOn(setting, ids !== undefined, repository) };
}

function noteOn(
  setting: { prefix: string | undefined; ownKeys: string[] | undefined } | undefined,
  hasIds: boolean,
  repository: string,
): string {
  if (setting?.ownKeys !== undefined)
    return `the repository has a subject of its own, of ${setting.ownKeys.join(', ')}: these are right only where that begins with repo and context`;
  if (setting?.prefix !== undefined) return 'as GitHub says for this repository';
  if (hasIds)
    return 'with ids for a repository that was created, renamed or transferred after 2026-07-15 or has opted in, else without';
  return `a repository that was created, renamed or transferred after 2026-07-15 has its ids in it: gh api repos/${repository}/actions/oidc/customization/sub --jq .sub_claim_prefix`;
}

async function readSetting({ deps }: Workspace, repository: string, signal: AbortSignal) {
  if (!hasToken(deps)) return undefined;
  const client = await connectToGitHub(deps, 'doctor', { repository, signal });
  const { readOidcSubject } = await import('../../github/index.ts');
  return readOidcSubject(client);
}

function hasToken({ environment }: LoopDeps): boolean {
  return Boolean(environment['GITHUB_TOKEN'] || environment['GH_TOKEN']);
}

/** What the runner of a workflow tells. */
function idsIn(environment: NodeJS.ProcessEnv): TokenOrigin['ids'] {
  const { GITHUB_REPOSITORY_OWNER_ID: owner, GITHUB_REPOSITORY_ID: repository } = environment;
  return owner && repository ? { owner, repository } : undefined;
}
