import { z } from 'zod';
import { isoDuration } from '../submit/job-body.ts';
import { given } from './camel.ts';
import { byType, chosen, isMap, notTaken, word } from './chosen.ts';

const count = z.int().positive();
const texts = z.record(z.string(), z.coerce.string());

/** azureml:NAME:VERSION, one of a registry, or the ARM id of one. */
export const VERSIONED =
  /^(azureml:[\w.-]+:[\w.-]+|azureml:\/\/registries\/[\w.-]+\/[a-z]+\/[\w.-]+\/versions\/[\w.-]+|(azureml:)?\/subscriptions\/.+\/versions\/[\w.-]+)$/;

export const versioned = (kind: string) =>
  z
    .string()
    .regex(
      VERSIONED,
      `expected ${kind} by its version, azureml:NAME:VERSION: what is named by a label or without a version may be another one tomorrow, which no input key would show`,
    );

const inlineEnvironment = z.strictObject({
  image: z
    .string()
    .regex(
      /@sha256:[0-9a-f]{64}$/,
      'expected an image by its digest, IMAGE@sha256:…: what a tag names may be another one tomorrow, which no input key would show',
    ),
  conda_file: chosen((value) =>
    isMap(value) ? z.record(z.string(), z.unknown()) : z.string().min(1),
  ).optional(),
  name: z.string().optional(),
  version: z.coerce.string().optional(),
  os_type: word('linux').optional(),
  build: notTaken('build the image where you build others, and name it by its digest: "image"'),
});

export type Environment = string | z.output<typeof inlineEnvironment>;

export const environmentSchema = chosen<z.ZodType<Environment>>((value) =>
  isMap(value) ? inlineEnvironment : versioned('an environment'),
);

export const computeSchema = z
  .string()
  .regex(
    /^(azureml:)?(\/subscriptions\/.+|[A-Za-z0-9][\w-]*)$/,
    'expected azureml:NAME, a compute of the workspace',
  )
  .refine((name) => name !== 'local', 'expected a compute of the workspace: this job runs on Azure ML');

export const resourcesSchema = z.strictObject({
  instance_count: count.optional(),
  instance_type: z.string().optional(),
  shm_size: z
    .string()
    .regex(/^\d+[bBkKmMgG]$/, 'expected a number and b, k, m or g, such as 8g')
    .optional(),
  docker_args: z.string().optional(),
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});

const processes = { process_count_per_instance: count.optional() };

export const distributionSchema = byType({
  mpi: z.strictObject({ type: word('mpi'), ...processes }),
  pytorch: z.strictObject({ type: word('pytorch'), ...processes }),
  tensorflow: z.strictObject({
    type: word('tensorflow'),
    parameter_server_count: z.int().nonnegative().optional(),
    worker_count: count.optional(),
  }),
} as Record<string, z.ZodObject>).pipe(
  z.object({
    type: word('mpi', 'pytorch', 'tensorflow'),
    process_count_per_instance: count.optional(),
    parameter_server_count: z.int().nonnegative().optional(),
    worker_count: count.optional(),
  }),
);

export type Distribution = z.output<typeof distributionSchema>;

export const serviceSchema = z.strictObject({
  type: word('ssh', 'jupyter_lab', 'tensor_board', 'vs_code'),
  port: count.optional(),
  log_dir: z.string().optional(),
  ssh_public_keys: z.string().optional(),
  properties: texts.optional(),
});

type Service = z.output<typeof serviceSchema>;

export const identitySchema = z.strictObject({
  type: word('managed', 'managed_identity', 'aml_token', 'user_identity'),
  client_id: z.string().optional(),
  object_id: z.string().optional(),
  msi_resource_id: z.string().optional(),
});

export type Identity = z.output<typeof identitySchema>;

/** Seconds. */
export const limitsSchema = z.strictObject({ timeout: count.optional() });

/** What a command needs besides its inputs and outputs; of a job, a trial and a step. */
export const commandSettings = {
  command: z.string().min(1),
  code: z.string().min(1).optional(),
  environment: environmentSchema,
  environment_variables: texts.optional(),
  resources: resourcesSchema.optional(),
  distribution: distributionSchema.optional(),
};

/** What all jobs have. */
export const jobSettings = {
  $schema: z.string().optional(),
  name: z.string().optional(),
  display_name: z.string().optional(),
  experiment_name: z.string().optional(),
  description: z.string().optional(),
  tags: texts.default({}),
  properties: texts.default({}),
  compute: computeSchema.optional(),
  identity: identitySchema.optional(),
  parent_job_name: notTaken('a job of Edgeloop has no parent; leave it out'),
};

export const QUEUE = notTaken(
  'the version of the API that Edgeloop speaks (2022-10-01) knows no queues; leave it out, or submit the job yourself',
);

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
