import { z } from 'zod';
import { durationSchema } from './units.ts';

const paramSchema = z.union(
  [z.string(), z.number(), z.boolean()],
  'expected a text, a number, true or false',
);

/** Of a compute or a size of machines. */
const nameOfAzure = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'expected letters, digits, "-" and "_"');

const trainShape = z.strictObject({
  run: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'The command, in any language, run by /bin/sh in a clean copy of the commit, in the folder of this file. ' +
        '${{inputs.train}}, ' +
        '${{inputs.PARAM}} and ${{outputs.model}} are replaced, each by one word. Exit code 0 and a model.onnx in ' +
        'the output folder is success. On Azure ML it runs with the code and nothing else of the commit. Either "run" or "job" is needed.',
      examples: [
        'python train.py --data ${{inputs.train}} --out ${{outputs.model}} --trees ${{inputs.trees}}',
      ],
    }),
  job: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'With the target azureml, in the place of "run": a job file of Azure ML\'s own (command, sweep or pipeline), in the ' +
        'folder "code". Its input "train" gets the data, each input that is named as a param gets that, and its output ' +
        '"model" holds the model.onnx.',
      examples: ['training/job.yml'],
    }),
  code: z
    .string()
    .min(1)
    .meta({
      description: 'File or folder that, besides the data, decides what is trained; relative to this file.',
      examples: ['training'],
    }),
  params: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a letter or "_" first, then letters, digits and "_"'),
      paramSchema,
    )
    .default({})
    .meta({
      description:
        'Values by name, each a placeholder ${{inputs.NAME}} of the command. A change asks for a retraining. ' +
        'Default: none.',
      examples: [{ trees: 120 }],
    }),
  environment: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'What the training has installed: the lock file, relative to this file; with the target azureml an environment, ' +
        'azureml:NAME:VERSION or azureml://registries/azureml/environments/NAME/versions/VERSION, or an image by its ' +
        'digest. Needed, except with "job", which names its own.',
      examples: [
        'package-lock.json',
        'requirements.txt',
        'azureml://registries/azureml/environments/sklearn-1.5/versions/12',
        'mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04@sha256:…',
      ],
    }),
  target: z
    .enum(['local', 'azureml'])
    .default('local')
    .describe(
      'Where the training runs: local, on this machine; or azureml, as a job of the workspace under "azure". Default: local. It is not part of the input key.',
    ),
  compute: nameOfAzure.optional().meta({
    description:
      'With the target azureml: the compute cluster of the workspace that the job runs on. Default: serverless.',
    examples: ['cpu-cluster'],
  }),
  instance: nameOfAzure.optional().meta({
    description:
      'With the target azureml: the size of the machine, for serverless compute. Default: what Azure ML takes.',
    examples: ['Standard_E4ds_v4'],
  }),
  maxMinutes: z
    .number()
    .positive()
    .optional()
    .meta({
      description:
        'With the target azureml: refuses a job that may take longer, counting "timeout" and what earlier attempts at the same training took. Default: no limit.',
      examples: [240],
    }),
  maxCost: z
    .number()
    .positive()
    .optional()
    .meta({
      description: 'The same as money: "maxMinutes" times "hourlyRate". Default: no limit.',
      examples: [5],
    }),
  hourlyRate: z
    .number()
    .positive()
    .optional()
    .meta({
      description: 'What an hour of the machine costs, in the currency of "maxCost". Default: unknown.',
      examples: [0.38],
    }),
  timeout: durationSchema.prefault('30m').meta({
    description:
      'Ends a training that takes longer: a number with ms, s, m or h. Default: 30m. It is not part of the input key.',
    examples: ['90s', '30m', '2h'],
  }),
});

/** How a model is trained. */
export type Train = z.output<typeof trainShape>;

const ONLY_ON_AZURE = ['compute', 'instance', 'maxMinutes', 'maxCost', 'hourlyRate'] as const;

/** What Azure ML keeps as it is under that name: an environment's version, or an image by its digest. */
const EXACT_ENVIRONMENT =
  /^(azureml:[\w.-]+:[\w.-]+|azureml:\/\/registries\/[\w.-]+\/environments\/[\w.-]+\/versions\/[\w.-]+|[\w.:/-]+@sha256:[0-9a-f]{64})$/;
const EXPECTED_ENVIRONMENT =
  'expected azureml:NAME:VERSION, azureml://registries/REGISTRY/environments/NAME/versions/VERSION or an image by its digest, IMAGE@sha256:…: what is named by a label or a tag may be another one tomorrow';

/** What is needed of a training depends on where and how it runs. */
const runOrJob = z.superRefine<Train>((train, context) => {
  const wrong = (path: keyof Train, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message, input: undefined });
  const { run, job, target, environment, maxCost, hourlyRate } = train;
  if (run === undefined && job === undefined) wrong('run', 'missing: the command that trains');
  if (run !== undefined && job !== undefined) wrong('job', 'expected either "run" or "job", not both');
  if (job !== undefined && environment !== undefined)
    wrong('environment', 'not expected beside "job", which names its own');
  if (job !== undefined && target !== 'azureml') wrong('job', 'expected "target: azureml" beside it');
  if (job === undefined && environment === undefined)
    wrong('environment', 'missing: what the training has installed');
  if (target === 'azureml' && environment !== undefined && !EXACT_ENVIRONMENT.test(environment))
    wrong('environment', EXPECTED_ENVIRONMENT);
  if (maxCost !== undefined && hourlyRate === undefined) wrong('maxCost', 'expected "hourlyRate" beside it');
  if (target === 'azureml') return;
  for (const name of ONLY_ON_AZURE) {
    if (train[name] !== undefined) wrong(name, 'expected "target: azureml" beside it');
  }
});

const ON_AZURE = { required: ['target'], properties: { target: { const: 'azureml' } } };

/** The section `train` of a model; what its keys need of each other stands in the JSON Schema as well. */
export const trainSchema = trainShape.check(runOrJob).meta({
  oneOf: [{ required: ['run', 'environment'] }, { required: ['job'] }],
  not: { anyOf: [{ required: ['run', 'job'] }, { required: ['environment', 'job'] }] },
  dependentRequired: { maxCost: ['hourlyRate'] },
  dependentSchemas: Object.fromEntries(['job', ...ONLY_ON_AZURE].map((name) => [name, ON_AZURE])),
  anyOf: [
    { not: ON_AZURE },
    { properties: { environment: { type: 'string', pattern: EXACT_ENVIRONMENT.source } } },
  ],
});
