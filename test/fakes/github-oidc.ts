import { randomUUID } from 'node:crypto';
import type { Certificate } from '../fixtures/certificates.ts';
import { newSigner, seconds } from './jwt.ts';
import { sendJson, serveTls } from './serve-tls.ts';

/** The workflow run whose job asks for tokens. */
export interface OidcRun {
  /** `acme/churn`. */
  repository: string;
  repositoryId: string;
  ownerId: string;
  /** `repo:acme/churn:…`, or with ids, `repo:acme@1234/churn@5678:…`, as for repositories made after 2026-07-15. */
  subject: 'names' | 'ids';
  /** `ref:refs/heads/main`, `environment:production` or `pull_request`. */
  context: string;
  ref: string;
  eventName: string;
  workflow: string;
  sha: string;
}

export interface GitHubOidc extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`, where GitHub's is `https://token.actions.githubusercontent.com`. */
  issuer: string;
  /** What a job with `permissions: id-token: write` has. */
  environment: Record<string, string>;
  /** May be changed at any time. */
  run: OidcRun;
  /** What a federated credential has to name for this run. */
  readonly subject: string;
  /** How long its tokens live; GitHub's: 5 minutes. */
  livesSeconds: number;
  /** Every question of a job, with its answer. */
  asked: { audience: string; token: string | undefined }[];
  /** A token as a job gets it, with other claims where a test wants them. */
  token(audience: string, claims?: Record<string, unknown>): string;
  stop(): Promise<void>;
}

const RUN: OidcRun = {
  repository: 'acme/churn',
  repositoryId: '123456789',
  ownerId: '9876543',
  subject: 'names',
  context: 'ref:refs/heads/main',
  ref: 'refs/heads/main',
  eventName: 'push',
  workflow: 'retrain',
  sha: '1234567890abcdef1234567890abcdef12345678',
};

/**
 * What gives a workflow's job its ID tokens, and the issuer that vouches for them (GitHub, "OpenID Connect reference"):
 * discovery, keys, and the endpoint that `ACTIONS_ID_TOKEN_REQUEST_URL` names.
 */
export async function startGitHubOidc(tls: Certificate, run: Partial<OidcRun> = {}): Promise<GitHubOidc> {
  const signer = newSigner('github');
  const requestToken = randomUUID();
  const server = await serveTls(tls, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', server.url);
    if (pathname === '/.well-known/openid-configuration') {
      return sendJson(response, 200, {
        issuer: server.url,
        jwks_uri: `${server.url}/.well-known/jwks`,
        subject_types_supported: ['public', 'pairwise'],
        response_types_supported: ['id_token'],
        id_token_signing_alg_values_supported: ['RS256'],
        scopes_supported: ['openid'],
      });
    }
    if (pathname === '/.well-known/jwks') return sendJson(response, 200, { keys: [signer.jwk] });
    if (pathname !== '/token') return sendJson(response, 404, {});
    const audience = searchParams.get('audience') ?? `https://github.com/${ownerOf(oidc.run)}`;
    if (request.headers.authorization !== `Bearer ${requestToken}`) {
      oidc.asked.push({ audience, token: undefined });
      return sendJson(response, 401, { message: 'unauthorized' });
    }
    const token = oidc.token(audience);
    oidc.asked.push({ audience, token });
    return sendJson(response, 200, { count: token.length, value: token });
  });
  const oidc: GitHubOidc = {
    issuer: server.url,
    environment: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    },
    run: { ...RUN, ...run },
    get subject() {
      return subjectOf(oidc.run);
    },
    livesSeconds: 300,
    asked: [],
    token: (audience, claims = {}) =>
      signer.sign({ ...claimsOf(oidc.run, server.url, oidc.livesSeconds), aud: audience, ...claims }),
    stop: server.stop,
    [Symbol.asyncDispose]: server.stop,
  };
  return oidc;
}

const ownerOf = ({ repository }: OidcRun): string => repository.split('/')[0] ?? '';

function subjectOf(run: OidcRun): string {
  const [owner = '', name = ''] = run.repository.split('/');
  const repository =
    run.subject === 'names' ? run.repository : `${owner}@${run.ownerId}/${name}@${run.repositoryId}`;
  return `repo:${repository}:${run.context}`;
}

function claimsOf(run: OidcRun, issuer: string, lives: number): Record<string, unknown> {
  const now = seconds();
  const [, environment] = /^environment:(.+)$/.exec(run.context) ?? [];
  const workflowRef = `${run.repository}/.github/workflows/${run.workflow}.yml@${run.ref}`;
  return {
    jti: randomUUID(),
    sub: subjectOf(run),
    ...(environment !== undefined && { environment }),
    ref: run.ref,
    sha: run.sha,
    repository: run.repository,
    repository_owner: ownerOf(run),
    repository_id: run.repositoryId,
    repository_owner_id: run.ownerId,
    repository_visibility: 'private',
    run_id: '1',
    run_number: '1',
    run_attempt: '1',
    runner_environment: 'github-hosted',
    actor: 'ada',
    actor_id: '12',
    workflow: run.workflow,
    workflow_ref: workflowRef,
    workflow_sha: run.sha,
    job_workflow_ref: workflowRef,
    job_workflow_sha: run.sha,
    head_ref: '',
    base_ref: '',
    event_name: run.eventName,
    ref_type: 'branch',
    ref_protected: 'true',
    iss: issuer,
    nbf: now - 300,
    iat: now,
    exp: now + lives,
  };
}
