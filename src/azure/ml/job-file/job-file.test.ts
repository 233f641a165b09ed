import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ServiceTraining } from '../../../training/index.ts';
import { commonOf } from '../job-body.ts';
import { checkJobFile, needsCallersToken } from './index.ts';

const ENVIRONMENT = 'azureml:sklearn:24';
const COMMAND = `command: python train.py \${{inputs.train}} \${{outputs.model}}
environment: ${ENVIRONMENT}
inputs:
  train:
    type: uri_folder
outputs:
  model:
`;
const SWEEP = `type: sweep
trial:
  command: python train.py \${{inputs.train}} \${{search_space.depth}} \${{outputs.model}}
  environment: ${ENVIRONMENT}
inputs: { train: { type: uri_folder } }
outputs: { model: }
sampling_algorithm: random
search_space:
  depth: { type: choice, values: [1, 2] }
objective: { goal: maximize, primary_metric: auc }
limits: { max_total_trials: 2 }
`;
const PIPELINE = `type: pipeline
inputs: { train: { type: uri_folder } }
outputs: { model: }
jobs:
  fit:
    command: python train.py \${{inputs.rows}} \${{outputs.model}}
    environment: ${ENVIRONMENT}
    inputs:
      rows: \${{parent.inputs.train}}
    outputs:
      model: \${{parent.outputs.model}}
`;

function trainingOf(files: Record<string, string>, changed: Partial<ServiceTraining> = {}): ServiceTraining {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-job-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return {
    model: 'churn',
    inputKey: '0'.repeat(64),
    work: { jobFile: join(folder, 'train/job.yml') },
    params: {},
    code: { folder, digest: '' },
    data: { digest: '', files: 1, bytes: 1, at: { path: '/nowhere' } },
    environment: undefined,
    compute: undefined,
    instance: undefined,
    timeoutMs: 60_000,
    budget: { maxMinutes: undefined, maxCost: undefined, hourlyRate: undefined },
    git: undefined,
    ...changed,
  };
}

const check = (training: ServiceTraining) =>
  checkJobFile(training, commonOf(training, { name: 'x', workspace: '/ws' }));
const checked = (job: string, changed?: Partial<ServiceTraining>, others: Record<string, string> = {}) =>
  check(trainingOf({ 'train/job.yml': job, 'train/src/a.py': '', ...others }, changed));

describe("a team's job file", () => {
  it.each([
    ['a command', COMMAND],
    ['a sweep', SWEEP],
    ['a pipeline', PIPELINE],
  ])('may be %s', async (_, job) => {
    await expect(checked(job)).resolves.toBeUndefined();
  });

  it.each<[what: string, job: string, message: RegExp]>([
    [
      'a key that nobody knows',
      `${COMMAND}comand: x\n`,
      /^train\/job\.yml has one error:\n {2}train\/job\.yml:8:1: unknown key "comand"; did you mean "command"\?/,
    ],
    [
      'a key within an input',
      COMMAND.replace('uri_folder', 'uri_folder\n    pth: x'),
      /job\.yml:6:10: "inputs\.train\.pth": unknown key; expected one of type, path, mode/,
    ],
    [
      'another type',
      `type: spark\n${COMMAND}`,
      /train\/job\.yml:1:7: "type": found "spark", expected command, sweep or pipeline/,
    ],
    [
      'a mode that there is not',
      COMMAND.replace('uri_folder', 'uri_folder\n    mode: ro'),
      /job\.yml:6:11: "inputs\.train\.mode": expected one of ro_mount/,
    ],
    [
      'an environment by a label',
      COMMAND.replace(':24', '@latest'),
      /job\.yml:2:14: "environment": expected an environment by its version, azureml:NAME:VERSION: .*found "azureml:sklearn@latest"/,
    ],
    [
      'an environment of a registry by a label',
      COMMAND.replace(ENVIRONMENT, 'azureml://registries/azureml/environments/x/labels/latest'),
      /"environment": expected an environment by its version/,
    ],
    [
      'an image by its tag',
      COMMAND.replace(ENVIRONMENT, '{ image: python:3.12 }'),
      /job\.yml:2:23: "environment\.image": expected an image by its digest/,
    ],
    [
      'a build',
      COMMAND.replace(ENVIRONMENT, '{ build: { path: . } }'),
      /"environment\.build": build the image where you build others/,
    ],
    [
      'no input for the data',
      COMMAND.replace(/ {2}train:\n.*\n/, '  other: 1\n'),
      /job\.yml:\d+:\d+: "inputs\.train": expected an input with "type: uri_folder"/,
    ],
    [
      'the data as a text',
      COMMAND.replace(/ {2}train:\n.*\n/, '  train: azureml:x:1\n'),
      /job\.yml:4:10: "inputs\.train": expected an input with/,
    ],
    [
      'no output for the model',
      COMMAND.replace('  model:\n', '  other:\n'),
      /"outputs\.model": missing: expected an output folder/,
    ],
    [
      'a model that is a file',
      COMMAND.replace('  model:\n', '  model: { type: uri_file }\n'),
      /"outputs\.model\.type": expected uri_folder/,
    ],
    [
      'an output that is registered',
      COMMAND.replace('  model:\n', '  model: { name: churn }\n'),
      /"outputs\.model\.name": a job of Edgeloop registers nothing/,
    ],
    [
      'an input without a value',
      COMMAND.replace('outputs:', '  trees:\noutputs:'),
      /job\.yml:6:9: "inputs\.trees": has no value, and edgeloop\.yaml has no param of that name/,
    ],
    [
      'a placeholder for nothing',
      COMMAND.replace('inputs.train}}', 'inputs.data}}'),
      /job\.yml:1:10: "command": \$\{\{inputs\.data\}\} stands for nothing: "inputs" has no "data"/,
    ],
    [
      'other data by a label',
      COMMAND.replace('outputs:', '  x: { type: uri_file, path: azureml:x@latest }\noutputs:'),
      /job\.yml:6:30: "inputs\.x\.path": found "azureml:x@latest", expected azureml:NAME:VERSION/,
    ],
    [
      'other data at an address, without its signature',
      COMMAND.replace('outputs:', '  x: { type: uri_file, path: "https://x.y/z?v=1" }\noutputs:'),
      /"inputs\.x\.path": found "https:\/\/x\.y\/z\?…"/,
    ],
    [
      'code that there is not',
      `${COMMAND}code: ./sources\n`,
      /job\.yml:8:7: "code": there is no "train\/sources" among the code/,
    ],
    [
      'code outside of what decides',
      `${COMMAND}code: ../..\n`,
      /job\.yml:8:7: "code": "\.\.\/\.\." is not within the code of the training/,
    ],
    ['code at an address', `${COMMAND}code: git+https://github.com/x/y\n`, /"code": found "git\+https:/],
    [
      'a queue',
      `${COMMAND}queue_settings: { job_tier: spot }\n`,
      /job\.yml:8:1.*"queue_settings": the version of the API/,
    ],
    [
      'this machine as its compute',
      `${COMMAND}compute: local\n`,
      /job\.yml:8:10: "compute": expected a compute of the workspace: this job runs on Azure ML/,
    ],
    [
      'a distribution that there is not',
      `${COMMAND}distribution: { type: ray }\n`,
      /"distribution": expected a map with a "type", one of mpi, pytorch, tensorflow/,
    ],
    ['YAML that is none', 'command: "x\n', /job\.yml:1:10: the quote that begins here is never closed/],
    [
      'a search for what is not searched',
      SWEEP.replace('search_space.depth', 'search_space.deep'),
      /job\.yml:3:12: "trial\.command": \$\{\{search_space\.deep\}\} stands for nothing/,
    ],
    [
      'a search space that there is not',
      SWEEP.replace('type: choice', 'type: any'),
      /job\.yml:9:\d+: "search_space\.depth": expected a map with a "type", one of choice, randint/,
    ],
    [
      'a search space that lacks something',
      SWEEP.replace('type: choice, values: [1, 2]', 'type: uniform, min_value: 1'),
      /"search_space\.depth\.max_value/,
    ],
    [
      'a pipeline that leaves no model',
      PIPELINE.replace(/ {6}model: .*\n/, '      model:\n'),
      /"outputs\.model": no step writes it/,
    ],
    [
      'a step of another type',
      PIPELINE.replace('  fit:\n', '  fit:\n    type: parallel\n'),
      /job\.yml:5:3: "jobs\.fit": expected a step of the type command or sweep/,
    ],
    [
      'a key of a step that nobody knows',
      PIPELINE.replace('    outputs:', '    output:\n    outputs:'),
      /"jobs\.fit\.output": unknown key; expected one of type, display_name/,
    ],
    [
      'a binding to an input that there is not',
      PIPELINE.replace('parent.inputs.train', 'parent.inputs.data'),
      /job\.yml:9:13: "jobs\.fit\.inputs\.rows": found "\$\{\{parent\.inputs\.data\}\}", but there is no such input/,
    ],
    [
      'a binding to a step that there is not',
      PIPELINE.replace('parent.inputs.train', 'parent.jobs.prep.outputs.rows'),
      /"jobs\.fit\.inputs\.rows": there is no step "prep"/,
    ],
    [
      'steps that are bound in a circle',
      PIPELINE.replace('parent.inputs.train', 'parent.jobs.fit.inputs.rows'),
      /"jobs\.fit\.inputs\.rows": found/,
    ],
    [
      'a registered component by a label',
      PIPELINE.replace(/command: .*\n.*\n/, 'component: azureml:fit@latest\n'),
      /job\.yml:6:16: "jobs\.fit\.component": found "azureml:fit@latest", expected azureml:NAME:VERSION/,
    ],
    [
      'a component that there is not',
      PIPELINE.replace(/command: .*\n.*\n/, 'component: ./fit.yml\n'),
      /job\.yml:6:16: "jobs\.fit\.component": there is no "train\/fit\.yml" among the code/,
    ],
  ])('is refused, with the place, for %s', async (_, job, message) => {
    await expect(checked(job)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(message),
    });
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
    await expect(checked(job, { params: { trees: 120 } })).resolves.toBeUndefined();
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
    await expect(checked(`${COMMAND}environment_variables:\n  ${variables}\n`)).resolves.toBeUndefined();
  });

  it('needs a token of the caller beside it when it starts jobs, or acts, as the caller', () => {
    expect(needsCallersToken({ jobType: 'Pipeline' })).toBe(true);
    expect(needsCallersToken({ jobType: 'Command', identity: { identityType: 'UserIdentity' } })).toBe(true);
    expect(needsCallersToken({ jobType: 'Sweep', identity: { identityType: 'AMLToken' } })).toBe(false);
  });
});
