import { isoDuration } from '../job-body.ts';
import { given } from './camel.ts';
import type { Distribution, Identity, Service } from './settings-schema.ts';

// What azure-ai-ml makes of these settings (`_to_rest_object` of each), with the keys that a step of a pipeline has.

const DISTRIBUTION = { mpi: 'Mpi', pytorch: 'PyTorch', tensorflow: 'TensorFlow' } as const;
const SERVICE = {
  ssh: 'SSH',
  jupyter_lab: 'JupyterLab',
  tensor_board: 'TensorBoard',
  vs_code: 'VSCode',
} as const;
const IDENTITY = {
  managed: 'Managed',
  managed_identity: 'Managed',
  aml_token: 'AMLToken',
  user_identity: 'UserIdentity',
} as const;

export function distributionOf({ type, ...rest }: Distribution) {
  return given({ distribution_type: DISTRIBUTION[type], ...rest });
}

export function identityOf({ type, client_id, object_id, msi_resource_id }: Identity) {
  return given({ identity_type: IDENTITY[type], client_id, object_id, resource_id: msi_resource_id });
}

export function serviceOf({ type, port, log_dir, ssh_public_keys, properties }: Service) {
  const all = { ...properties, ...given({ logDir: log_dir, sshPublicKeys: ssh_public_keys }) };
  return given({
    job_service_type: SERVICE[type],
    port,
    properties: Object.keys(all).length > 0 ? all : undefined,
  });
}

/** Seconds: what the file says, but never more than the training may take. */
export function leastSeconds(timeout: number | undefined, timeoutMs: number): number {
  const ours = Math.max(1, Math.ceil(timeoutMs / 1000));
  return Math.min(timeout ?? ours, ours);
}

/** The same as ISO 8601. */
export function leastTimeout(timeout: number | undefined, timeoutMs: number): string {
  return isoDuration(leastSeconds(timeout, timeoutMs) * 1000);
}
