import { describe, expect, it } from 'vitest';
import { checked, COMMAND, ENVIRONMENT, PIPELINE, SWEEP } from '../../../../test/fixtures/small-job-files.ts';

describe("a team's job file", () => {
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
});
