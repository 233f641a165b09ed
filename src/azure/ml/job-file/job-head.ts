import type { ServiceTraining } from '../../../training/index.ts';
import type { JobCommon } from '../submit/job-body.ts';
import { computeId, environmentId, type JobAssets } from './assets.ts';
import { camel, given } from './camel.ts';
import type { CommandFile } from './command-schema.ts';
import { distributionOf, identityOf } from './settings.ts';
import type { SourceFile } from './source-file.ts';

/** A job file on its way to a workspace. */
export interface Submission {
  assets: JobAssets;
  source: SourceFile;
  training: ServiceTraining;
  /** `data` is not known when a file is looked at before anything is sent. */
  common: Omit<JobCommon, 'code' | 'data'> & { data?: JobCommon['data'] };
}

type Head = Pick<
  CommandFile,
  'display_name' | 'description' | 'tags' | 'properties' | 'compute' | 'identity'
>;

/** What jobs of all types have. Name, experiment and what finds the job again are ours; other tags are the file's. */
export function jobHead({ assets, common }: Submission, file: Head) {
  return given({
    displayName: file.display_name ?? common.name,
    description: file.description,
    experimentName: common.experimentName,
    tags: { ...file.tags, ...common.tags },
    properties: { ...file.properties, ...common.properties },
    computeId: common.computeId ?? computeId(assets.workspace, file.compute),
    identity: file.identity && camel(identityOf(file.identity)),
  });
}

type Work = Pick<
  CommandFile,
  'command' | 'code' | 'environment' | 'environment_variables' | 'resources' | 'distribution'
>;

/** What runs: of a command job, and of a sweep's trial, which stands at `at`. */
export async function workOf({ assets, source, training }: Submission, work: Work, at: string[]) {
  const { code, environment, resources, distribution } = work;
  const resource = {
    ...resources,
    ...(training.instance !== undefined && { instance_type: training.instance }),
  };
  return given({
    command: work.command,
    codeId: code && (await codeId(assets, source, code, [...at, 'code'])),
    environmentId: await environmentId(assets, source, [...at, 'environment'], environment),
    environmentVariables: work.environment_variables,
    distribution: distribution && camel(distributionOf(distribution)),
    resources: Object.keys(resource).length > 0 ? camel(resource) : undefined,
  });
}

/** An uploaded folder, or a code asset by its version. */
export async function codeId(
  assets: JobAssets,
  source: SourceFile,
  code: string,
  at: string[],
): Promise<string> {
  const asset = /^(?:azureml:)?(\/subscriptions\/.+\/codes\/[\w.-]+\/versions\/[\w.-]+)$/.exec(code)?.[1];
  if (asset !== undefined) return asset;
  if (/^(git\+)?[a-z][a-z0-9+.-]+:/i.test(code))
    throw source.wrong(at, `found "${code}", expected a folder among the code of the training`);
  return assets.code(source.within(code, at));
}
