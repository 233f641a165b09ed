import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findGitHubDescription } from '../../tooling/find.ts';
import { type Api, answerApi } from './answer-api.ts';
import { checkRunRoutes, type StoredCheckRun } from './check-runs.ts';
import { commentRoutes, newComments, type StoredComments } from './comments.ts';
import { compareRoutes } from './compare.ts';
import { deploymentRoutes, type StoredDeployment } from './deployments.ts';
import { readDescription } from './description.ts';
import { gitDataRoutes } from './git-data.ts';
import { serveGit } from './git-over-http.ts';
import { oidcRoutes, type StoredOidcSubject } from './oidc.ts';
import { everything, type Permissions } from './permissions.ts';
import { pullRequestRoutes, type StoredPullRequest } from './pull-requests.ts';
import { releaseRoutes, type StoredReleases } from './releases.ts';

export interface GitHubStandIn extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  /** Where its REST API is, as on a GitHub Enterprise Server. */
  api: string;
  /** `acme/churn`. */
  repository: string;
  /** The address that git clones. */
  remote: string;
  /** The bare repository behind both. */
  folder: string;
  /** Tokens that may write everything, and read everything. */
  tokens: { write: string; read: string };
  /** A token that may do no more than this; what is not named, not at all: `{ contents: 'read' }`. */
  token(permissions: Permissions): string;
  /** What the runner of a workflow sets, with the token that may write. */
  environment: Record<string, string>;
  releases: StoredReleases;
  /** A test registers each that it needs, also for comments on it. */
  pullRequests: StoredPullRequest[];
  comments: StoredComments;
  checkRuns: StoredCheckRun[];
  deployments: StoredDeployment[];
  oidcSubject: StoredOidcSubject;
  /** Every request to the API: `GET /repos/acme/churn/releases 200`. */
  requests: string[];
  /** What did not fit GitHub's description. A test whose requests left some behind fails when it disposes of this. */
  misfits: string[];
  /** Clones as `actions/checkout` does: the token lies in the clone's settings as an HTTP header. */
  clone(options?: { args?: readonly string[]; token?: string }): Promise<string>;
}

/** Whether it can be started here; says so loudly when not, and throws under `CI=true`. */
export function gitHubAvailable(): boolean {
  return findGitHubDescription() !== undefined;
}

const REPOSITORY = 'acme/churn';
const TOKENS = { write: 'ghs_maywritecontents', read: 'ghs_mayreadcontents' };
const RUN = '4711';
const PROTECT = `#!/bin/sh
[ -n "$EDGELOOP_STAND_IN" ] && [ "$1" = refs/heads/main ] || exit 0
echo 'GH006: Protected branch update failed for refs/heads/main.' >&2
exit 1
`;

/** Starts a GitHub with one repository, a copy of the one in `from`, whose branch main takes no push. */
export async function startGitHub(from: string): Promise<GitHubStandIn> {
  const file = findGitHubDescription();
  if (file === undefined) throw new Error('the description is not installed');
  const root = mkdtempSync(join(tmpdir(), 'edgeloop-github-'));
  const folder = join(root, `${REPOSITORY}.git`);
  git('clone', '--quiet', '--bare', from, folder);
  git('-C', folder, 'config', 'http.receivepack', 'true');
  writeFileSync(join(folder, 'hooks/update'), PROTECT);
  chmodSync(join(folder, 'hooks/update'), 0o755);

  const releases: StoredReleases = { all: [], latest: undefined };
  const pullRequests: StoredPullRequest[] = [];
  const comments = newComments();
  const checkRuns: StoredCheckRun[] = [];
  const deployments: StoredDeployment[] = [];
  const oidcSubject = {
    use_default: true,
    use_immutable_subject: false,
    sub_claim_prefix: `repo:${REPOSITORY}`,
  };
  const tokens = new Map([
    [TOKENS.write, everything('write')],
    [TOKENS.read, everything('read')],
  ]);
  const api: Api = {
    prefix: '/api/v3',
    url: '',
    repository: REPOSITORY,
    folder,
    tokens,
    routes: {
      ...gitDataRoutes,
      ...compareRoutes,
      ...releaseRoutes(releases),
      ...pullRequestRoutes(pullRequests),
      ...commentRoutes(comments, pullRequests),
      ...checkRunRoutes(checkRuns),
      ...deploymentRoutes(deployments),
      ...oidcRoutes(oidcSubject),
    },
    describe: readDescription(file),
    requests: [],
    misfits: [],
  };
  const server = createServer((request, response) => {
    const isApi = request.url?.startsWith(`${api.prefix}/`) === true;
    const served = isApi ? answerApi(api, request, response) : answerGit(api, request, response);
    served.catch((error: unknown) => {
      api.misfits.push(`${request.method} ${request.url}: ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const remote = `${url}/${REPOSITORY}.git`;
  api.url = url;
  return {
    url,
    api: `${url}${api.prefix}`,
    remote,
    folder,
    repository: REPOSITORY,
    tokens: TOKENS,
    token(permissions) {
      const token = `ghs_${tokens.size}`;
      tokens.set(token, permissions);
      return token;
    },
    environment: {
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'ada',
      GITHUB_ACTOR_ID: '1815',
      GITHUB_API_URL: `${url}${api.prefix}`,
      GITHUB_REPOSITORY: REPOSITORY,
      GITHUB_RUN_ID: RUN,
      GITHUB_SERVER_URL: url,
      GITHUB_TOKEN: TOKENS.write,
    },
    releases,
    pullRequests,
    comments,
    checkRuns,
    deployments,
    oidcSubject,
    requests: api.requests,
    misfits: api.misfits,
    async clone({ args = [], token = TOKENS.write } = {}) {
      const clone = join(mkdtempSync(join(tmpdir(), 'edgeloop-clone-')), 'churn');
      const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
      const setting = [`http.${url}/.extraheader`, `AUTHORIZATION: basic ${basic}`];
      // Not waited for in this process, which has to answer it.
      await promisify(execFile)('git', ['clone', '--quiet', ...args, remote, clone]);
      git('-C', clone, 'config', ...setting);
      return clone;
    },
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections();
      rmSync(root, { recursive: true, force: true });
      if (api.misfits.length > 0)
        throw new Error(`GitHub would not take this:\n  ${api.misfits.join('\n  ')}`);
    },
  };
}

/** Anybody may read; who pushes needs a token that may write, as the password of any account. */
async function answerGit(
  { folder, tokens }: Api,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url ?? '';
  const [, basic = ''] = /^basic (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const permissions = tokens.get(Buffer.from(basic, 'base64').toString().split(':')[1] ?? '');
  const isKnown = permissions !== undefined;
  if (!path.startsWith(`/${REPOSITORY}.git/`)) return void response.writeHead(404).end();
  if (path.includes('git-receive-pack') && permissions?.['contents'] !== 'write') {
    request.resume();
    const challenge = { 'www-authenticate': 'Basic realm="GitHub"' };
    return void response.writeHead(isKnown ? 403 : 401, isKnown ? {} : challenge).end();
  }
  const inside = path.slice(`/${REPOSITORY.split('/')[0]}`.length);
  return serveGit(folder, inside, request, response, isKnown ? 'x-access-token' : undefined);
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
