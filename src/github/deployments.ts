import { z } from 'zod';
import { endpoint, type GitHubClient, parseAnswer } from './client.ts';

export interface NewDeployment {
  /** A git tag. */
  ref: string;
  environment: string;
  /** At most 140 characters. */
  description: string;
  payload: Record<string, string>;
}

export interface DeploymentStatus {
  state: 'in_progress' | 'success' | 'failure';
  /** The page that has the log. */
  logUrl: string | undefined;
}

const deploymentSchema = z.object({ id: z.number() });

/** Records that something is about to be deployed; the deployment's id. */
export async function createDeployment(
  client: GitHubClient,
  { ref, environment, description, payload }: NewDeployment,
): Promise<number> {
  const request = endpoint('POST /repos/{owner}/{repo}/deployments', {
    ...client.at,
    ref,
    environment,
    description,
    payload,
    // A release is deployed as it is, whatever has happened on the branch since.
    auto_merge: false,
    required_contexts: [],
    transient_environment: false,
    // GitHub sets what came before inactive only where this is false ("Create a deployment status", auto_inactive).
    production_environment: false,
  });
  return parseAnswer(deploymentSchema, await client.send(request)).id;
}

/** Says how far a deployment is. With a success, GitHub calls the ones before in that environment inactive. */
export async function setDeploymentStatus(
  client: GitHubClient,
  deployment_id: number,
  { state, logUrl }: DeploymentStatus,
): Promise<void> {
  const request = endpoint('POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
    ...client.at,
    deployment_id,
    state,
    auto_inactive: true,
    ...(logUrl !== undefined && { log_url: logUrl }),
  });
  await client.send(request);
}
