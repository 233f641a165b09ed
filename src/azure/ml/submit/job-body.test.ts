import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { ServiceTraining } from '../../../training/index.ts';
import { bindForService, commandJob, commonOf, isoDuration, type JobCommon } from './job-body.ts';

const TRAINING: ServiceTraining = {
  model: 'churn',
  inputKey: '0123456789abcdef'.repeat(4),
  work: { run: 'unused' },
  params: { trees: 120, note: '', fast: true },
  code: { folder: '/nowhere' },
  data: {
    digest: `sha256:${'d'.repeat(64)}`,
    files: 1,
    bytes: 1,
    at: { path: '/nowhere', requireSame: async () => {} },
  },
  environment: undefined,
  compute: undefined,
  instance: undefined,
  timeoutMs: 1_800_000,
  budget: { maxMinutes: undefined, maxCost: undefined, hourlyRate: undefined },
  git: { commit: 'f'.repeat(40), branch: 'main', repository: 'https://example.com/x.git', isDirty: false },
};
const NAMED = { name: 'edgeloop-churn-0123456789ab', workspace: '/ws' };
const RUN = { command: 'true', environmentVariables: {}, codeId: '/code', environmentId: '/environment' };

function jobOf(training: ServiceTraining) {
  const common: JobCommon = {
    ...commonOf(training, NAMED),
    code: async () => '/code',
    data: { id: '/data', type: 'uri_folder' },
  };
  return commandJob(training, common, RUN);
}

describe('the body of a job', () => {
  it('names the training, its data, where its model goes, the commit and a time limit', () => {
    expect(jobOf(TRAINING)).toEqual({
      jobType: 'Command',
      displayName: NAMED.name,
      experimentName: 'edgeloop-churn',
      tags: {
        'dev.edgeloop.model': 'churn',
        'dev.edgeloop.input-key': TRAINING.inputKey,
        'dev.edgeloop.dataset': TRAINING.data.digest,
      },
      properties: {
        'mlflow.source.git.repoURL': 'https://example.com/x.git',
        'mlflow.source.git.branch': 'main',
        'mlflow.source.git.commit': 'f'.repeat(40),
        'azureml.git.dirty': 'False',
      },
      ...RUN,
      inputs: {
        train: { jobInputType: 'uri_folder', uri: '/data', mode: 'ReadOnlyMount' },
        trees: { jobInputType: 'literal', value: '120' },
        // "note" is empty, which Azure ML takes for no literal.
        fast: { jobInputType: 'literal', value: 'true' },
      },
      outputs: {
        model: {
          jobOutputType: 'uri_folder',
          mode: 'ReadWriteMount',
          uri: `azureml://datastores/workspaceblobstore/paths/edgeloop/models/churn/${NAMED.name}/`,
        },
      },
      limits: { jobLimitsType: 'Command', timeout: 'PT1800S' },
    });
  });

  it('runs on a cluster, or serverless on a machine of a size', () => {
    expect(jobOf({ ...TRAINING, compute: 'cpu-cluster' })).toMatchObject({
      computeId: '/ws/computes/cpu-cluster',
    });
    const serverless = jobOf({ ...TRAINING, instance: 'Standard_E4ds_v4' });
    expect(serverless).toMatchObject({ resources: { instanceType: 'Standard_E4ds_v4' } });
    expect(serverless).not.toHaveProperty('computeId');
  });

  it.each([
    [1, 'PT1S'],
    [90_000, 'PT90S'],
    [90_001, 'PT91S'],
  ])('limits %i ms to %s', (ms, duration) => {
    expect(isoDuration(ms)).toBe(duration);
  });
});

describe('a command on Azure ML', () => {
  it.each(['two words', '$(echo cut) `echo cut` "; exit 1', "it's", '*', '', '${{inputs.train}}'])(
    'gets a param as one word, and the two paths: %s',
    (note) => {
      const run =
        'printf "<%s>" ${{inputs.note}} "${{ inputs.note }}" ${{inputs.train}} "${{outputs.model}}/model.onnx"';
      const { command, environmentVariables } = bindForService(run, { note });
      // As Azure ML does it: what stands for a placeholder is put into the command as text.
      const there = command
        .replace('${{inputs.train}}', '/mnt/INPUT train')
        .replace('${{outputs.model}}', '/mnt/OUT');
      expect(there).not.toContain('${{');
      const printed = execFileSync('/bin/sh', ['-c', there], { env: environmentVariables, encoding: 'utf8' });
      expect(printed).toBe(`<${note}><${note}></mnt/INPUT train></mnt/OUT/model.onnx>`);
    },
  );

  it('is refused with a placeholder that stands for nothing, as it is on this machine', () => {
    expect(() => bindForService('train ${{inputs.tres}}', { trees: 1 })).toThrow(
      expect.objectContaining({ code: 'placeholder-unknown' }),
    );
  });
});
