import { z } from 'zod';
import { type Asked, invalid, nodeId, NOT_FOUND, type Routes } from './routes.ts';
import { BOT, pageOf, user } from './shown.ts';

export interface StoredDeployment {
  id: number;
  ref: string;
  sha: string;
  environment: string;
  description: string;
  payload: unknown;
  isTransient: boolean;
  isProduction: boolean;
  at: string;
  /** The oldest first. */
  statuses: StoredStatus[];
}

export interface StoredStatus {
  id: number;
  state: string;
  logUrl: string;
  description: string;
  at: string;
}

const DEPLOYMENTS = '/repos/{owner}/{repo}/deployments';
const LONGEST = 140;
const writtenSchema = z.object({
  ref: z.string(),
  auto_merge: z.boolean().default(true),
  required_contexts: z.array(z.string()).optional(),
  environment: z.string().default('production'),
  description: z.string().nullish(),
  payload: z.unknown().default(''),
  transient_environment: z.boolean().default(false),
  production_environment: z.boolean().optional(),
});
const statusSchema = z.object({
  state: z.string(),
  log_url: z.string().default(''),
  description: z.string().default(''),
  auto_inactive: z.boolean().default(true),
});

export function deploymentRoutes(all: StoredDeployment[]): Routes {
  const find = ({ parameters }: Asked) => all.find(({ id }) => String(id) === parameters['deployment_id']);
  const add = (to: StoredDeployment, status: Omit<StoredStatus, 'id' | 'at'>) => {
    const id = all.flatMap(({ statuses }) => statuses).length + 1;
    const added = { id, ...status, at: new Date().toISOString() };
    to.statuses.push(added);
    return added;
  };

  return {
    [`GET ${DEPLOYMENTS}`]: async ({ api, query }) => {
      const environment = query.get('environment');
      const listed = all
        .toReversed()
        .filter((one) => environment === null || one.environment === environment);
      return { status: 200, body: pageOf(listed, query).map((one) => shown(api, one)) };
    },

    [`POST ${DEPLOYMENTS}`]: async ({ repository, api, body }) => {
      const { ref, environment, payload, ...written } = writtenSchema.parse(body);
      const { code, stdout } = await repository.run(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
      if (code !== 0) return invalid(`No ref found for: ${ref}`);
      const { description, transient_environment: isTransient } = written;
      if ((description?.length ?? 0) > LONGEST) return invalid('Description is too long');
      // Otherwise it merges the default branch, or waits for checks, which nobody has asked for yet.
      if (written.auto_merge || written.required_contexts?.length !== 0) return invalid('Conflict');
      const deployment = {
        id: all.length + 1,
        ref,
        sha: stdout.toString().trim(),
        environment,
        description: description ?? '',
        payload,
        isTransient,
        isProduction: written.production_environment ?? environment === 'production',
        at: new Date().toISOString(),
        statuses: [],
      };
      all.push(deployment);
      return { status: 201, body: shown(api, deployment) };
    },

    [`GET ${DEPLOYMENTS}/{deployment_id}/statuses`]: async (asked) => {
      const deployment = find(asked);
      if (deployment === undefined) return NOT_FOUND;
      const listed = pageOf(deployment.statuses.toReversed(), asked.query);
      return { status: 200, body: listed.map((status) => shownStatus(asked.api, deployment, status)) };
    },

    [`POST ${DEPLOYMENTS}/{deployment_id}/statuses`]: async (asked) => {
      const deployment = find(asked);
      if (deployment === undefined) return NOT_FOUND;
      const { auto_inactive, log_url: logUrl, state, description } = statusSchema.parse(asked.body);
      if (description.length > LONGEST) return invalid('Description is too long');
      const added = add(deployment, { state, description, logUrl });
      const before = all
        .slice(0, all.indexOf(deployment))
        .filter(({ environment }) => environment === deployment.environment)
        .filter(({ isTransient, isProduction }) => !isTransient && !isProduction)
        .filter(({ statuses }) => statuses.at(-1)?.state === 'success');
      if (auto_inactive && state === 'success')
        for (const one of before) add(one, { state: 'inactive', description: '', logUrl: '' });
      return { status: 201, body: shownStatus(asked.api, deployment, added) };
    },
  };
}

function shown(api: string, { id, at, isTransient, isProduction, ...one }: StoredDeployment): object {
  const url = `${api}/deployments/${id}`;
  const { ref, sha, environment, description, payload } = one;
  return {
    id,
    node_id: nodeId(`deployment ${id}`),
    url,
    statuses_url: `${url}/statuses`,
    repository_url: api,
    ref,
    sha,
    task: 'deploy',
    environment,
    original_environment: environment,
    description,
    payload,
    creator: user(api, BOT),
    transient_environment: isTransient,
    production_environment: isProduction,
    created_at: at,
    updated_at: at,
  };
}

function shownStatus(
  api: string,
  { id: of, environment }: StoredDeployment,
  { id, state, description, logUrl, at }: StoredStatus,
): object {
  return {
    id,
    node_id: nodeId(`status ${id}`),
    url: `${api}/deployments/${of}/statuses/${id}`,
    deployment_url: `${api}/deployments/${of}`,
    repository_url: api,
    state,
    description,
    environment,
    log_url: logUrl,
    target_url: logUrl,
    creator: user(api, BOT),
    created_at: at,
    updated_at: at,
  };
}
