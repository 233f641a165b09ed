import { symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  check,
  checked,
  COMMAND,
  ENVIRONMENT,
  PIPELINE,
  SWEEP,
  trainingOf,
} from '../../../../test/fixtures/small-job-files.ts';
import { needsCallersToken } from './index.ts';

describe("a team's job file", () => {
  it.each([
    ['a command', COMMAND],
    ['a sweep', SWEEP],
    ['a pipeline', PIPELINE],
  ])('may be %s', async (_, job) => {
    await expect(checked(job)).resolves.toMatchObject({ steps: 1 });
  });

  it('tells how many machines its job takes, and for how many time limits', async () => {
    const two = 'resources: { instance_count: 2 }';
    await expect(checked(`${COMMAND}${two}\n`)).resolves.toEqual({ steps: 1, machines: 2 });
    const trials = SWEEP.replace('max_total_trials: 2', 'max_total_trials: 20, max_concurrent_trials: 4');
    await expect(checked(trials.replace('inputs:', `  ${two}\ninputs:`))).resolves.toEqual({
      steps: 1,
      machines: 8,
    });
    await expect(checked(SWEEP)).resolves.toEqual({ steps: 1, machines: 2 });
    const more = `${PIPELINE}  look:\n    command: ls\n    environment: ${ENVIRONMENT}\n    ${two}\n`;
    await expect(checked(more)).resolves.toEqual({ steps: 2, machines: 3 });
  });

  it('is told of all that its schema finds, at once', async () => {
    const job = `${COMMAND}comand: x\nlimits: { timeout: soon }\n`;
    await expect(checked(job)).rejects.toMatchObject({
      message: expect.stringMatching(
        /has 2 errors:\n.*:8:1: unknown key "comand".*\n.*:9:20: "limits\.timeout"/,
      ),
    });
  });

  it('gives its params to the inputs of their names, and to none that it does not declare', async () => {
    const job = COMMAND.replace('outputs:', '  trees:\noutputs:');
    await expect(checked(job, { params: { trees: 120 } })).resolves.toEqual({ steps: 1, machines: 1 });
    await expect(checked(job, { params: { trees: 120, rate: 0.1 } })).rejects.toMatchObject({
      message: expect.stringMatching(
        /job\.yml:3:1: "inputs\.rate": missing: edgeloop\.yaml has a param of that name/,
      ),
    });
    await expect(checked(job, { params: { trees: '' } })).rejects.toMatchObject({
      message: expect.stringContaining('Azure ML takes no value without a letter or a digit'),
    });
  });

  it('may not reach out of the code by a link', async () => {
    const training = trainingOf({ 'train/job.yml': `${COMMAND}code: src\n` });
    symlinkSync(tmpdir(), join(training.code.folder, 'train/src'));
    await expect(check(training)).rejects.toMatchObject({
      message: expect.stringContaining('"src" is not within the code of the training'),
    });
  });

  it("is told of an error in a component's file by that file's name and line", async () => {
    const job = PIPELINE.replace(/command: .*\n.*\n/, 'component: ../parts/fit.yml\n');
    const component = `command: python \${{inputs.row}}\nenvironment: ${ENVIRONMENT}\ninputs: { rows: { type: uri_folder } }\noutputs: { model: { type: uri_folder } }\n`;
    await expect(checked(job, {}, { 'parts/fit.yml': component })).rejects.toMatchObject({
      message: expect.stringMatching(
        /^parts\/fit\.yml:1:10: "command": \$\{\{inputs\.row\}\} stands for nothing/,
      ),
    });
    const more = component
      .replace('inputs.row}', 'inputs.rows}')
      .replace('{ rows:', '{ seed: { type: integer }, rows:');
    await expect(checked(job, {}, { 'parts/fit.yml': more })).rejects.toMatchObject({
      message: expect.stringMatching(
        /^train\/job\.yml:\d+:\d+: "jobs\.fit\.inputs\.seed": missing: its component needs it/,
      ),
    });
  });

  it.each<[what: string, variable: string]>([
    ['a connection string', 'STORE: "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abc=="'],
    ['a shared access signature', 'URL: "https://x.blob.core.windows.net/y?sv=1&sig=abc%3D"'],
    ['a password in an address', 'DATABASE: postgres://me:word@host/db'],
    ['a token of GitHub', `GH: ghp_${'a1'.repeat(18)}`],
    ['a key of a storage account', `K: ${'Ab1+'.repeat(21)}Ab==`],
    ['a private key', 'PEM: "-----BEGIN RSA PRIVATE KEY-----"'],
    ['a secret, by its name', 'API_TOKEN: plain-words'],
    ['a secret, by its name', 'DB_PASSWORD: plain-words'],
  ])('is refused with %s, which is not repeated', async (what, variable) => {
    const failed = checked(`${COMMAND}environment_variables:\n  ${variable}\n`);
    const value = variable.slice(variable.indexOf(':') + 2).replaceAll('"', '');
    await expect(failed).rejects.toMatchObject({
      code: 'job-file-secret',
      message: expect.stringMatching(new RegExp(`^train/job\\.yml:9:\\d+: .*looks like ${what}, and`)),
    });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining(value) });
  });

  it('is refused for a secret in a conda file that it names, and in a component', async () => {
    const digest = `mcr.microsoft.com/x@sha256:${'1'.repeat(64)}`;
    const job = COMMAND.replace(ENVIRONMENT, `{ image: "${digest}", conda_file: conda.yml }`);
    const conda = 'dependencies:\n- pip:\n  - --extra-index-url https://me:word@host/simple\n';
    await expect(checked(job, {}, { 'train/conda.yml': conda })).rejects.toMatchObject({
      code: 'job-file-secret',
      message: expect.stringContaining('train/conda.yml:3:'),
    });
  });

  it('may have variables that only sound like secrets', async () => {
    const variables = 'MAX_TOKEN: 512\n  TOKENIZERS_PARALLELISM: "false"\n  USE_SAS: yes\n  PATH_TO: /a:b@c';
    await expect(checked(`${COMMAND}environment_variables:\n  ${variables}\n`)).resolves.toEqual({
      steps: 1,
      machines: 1,
    });
  });

  it('needs a token of the caller beside it when it starts jobs, or acts, as the caller', () => {
    expect(needsCallersToken({ jobType: 'Pipeline' })).toBe(true);
    expect(needsCallersToken({ jobType: 'Command', identity: { identityType: 'UserIdentity' } })).toBe(true);
    expect(needsCallersToken({ jobType: 'Sweep', identity: { identityType: 'AMLToken' } })).toBe(false);
  });
});
