import { z } from 'zod';
import { notEmpty } from './maps.ts';
import { metricRulesSchema } from './metric-rules.ts';
import { nameSchema } from './names.ts';
import { metricsOfTheTask, TASK_NAMES } from './tasks.ts';
import { type Train, trainSchema } from './train-schema.ts';
import { latencySchema, shareSchema, sizeSchema } from './units.ts';

// Descriptions and examples go into schema/edgeloop.schema.json, where editors find them.

const dataSchema = z.strictObject({
  train: z
    .union(
      [z.string().min(1), z.array(z.string().min(1)).min(1)],
      'expected a path, a list of paths, or an azureblob://, azureml: or https:// address',
    )
    .transform((paths) => (typeof paths === 'string' ? [paths] : paths))
    .meta({
      description:
        'What the training reads: a file or folder relative to this file, a list of them, ' +
        'azureblob://ACCOUNT/CONTAINER/PREFIX, azureml:NAME:VERSION (a data asset of the workspace under "azure"), or the ' +
        'https:// address of a folder with an index.json. Every file ' +
        'counts: one that is added, changed or removed asks for a retraining. A file .edgeloopignore in a folder on ' +
        'this disk names what does not belong to it, as .gitignore does.',
      examples: [
        'data/train',
        ['data/base', 'data/extra.csv'],
        'azureblob://ACCOUNT/CONTAINER/churn/train',
        'https://example.com/churn/train/',
      ],
    }),
  holdout: z
    .string()
    .min(1)
    .meta({
      description:
        'Labelled file that never trains, relative to this file or at an address as of "train": candidate and ' +
        'champion are scored on it. It is not part of the input key.',
      examples: ['data/holdout.csv', 'azureblob://ACCOUNT/CONTAINER/churn/holdout.csv'],
    }),
});

const runnerOfATime = z.superRefine<{ latency?: { kind: string } | undefined; runner?: string | undefined }>(
  ({ latency, runner }, context) => {
    if (latency?.kind !== 'absolute' || runner !== undefined) return;
    context.addIssue({
      code: 'custom',
      path: ['latency'],
      message:
        'a time means something on one machine only: name it as "runner", or give a multiple such as 1.2x',
      input: undefined,
    });
  },
);

const evaluateSchema = z.strictObject({
  task: z.enum(TASK_NAMES).describe('What the model predicts; it decides which metrics there are.'),
  label: z
    .string()
    .min(1)
    .meta({
      description: 'The column of the holdout that holds the truth; the other columns are inputs.',
      examples: ['churn'],
    }),
  metrics: metricRulesSchema,
  slices: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        'Columns of the holdout: the rows of each of their values are compared by themselves, so that an average cannot ' +
        'hide a group for which the model got worse. Default: none.',
      examples: [['state']],
    }),
  weight: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'The column of the holdout that says how much a row counts, a number of at least 0. Default: all count alike.',
      examples: ['weight'],
    }),
  predict: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'A command that predicts in the place of Edgeloop, for a holdout or a preprocessing that it cannot read: run as ' +
        '"train.run" is, with ${{inputs.model}} (folder of the model), ${{inputs.holdout}} and ${{outputs.predictions}} ' +
        '(folder for predictions.csv, .jsonl or .parquet, one row for each row of the holdout). Default: none, the ' +
        'columns of the holdout are the inputs of the model.',
      examples: [
        'python predict.py --model ${{inputs.model}} --data ${{inputs.holdout}} --out ${{outputs.predictions}}',
      ],
    }),
  checks: z
    .strictObject({
      psi: z
        .number()
        .nonnegative()
        .default(2)
        .meta({
          description:
            "Refuses data of which a feature has shifted further from the champion's training data, by its population " +
            'stability index; from 0.25 on a shift is told. Default: 2.',
          examples: [2],
        }),
      unknown: shareSchema.prefault('20%').meta({
        description:
          'Refuses data of which a larger share has a category that the champion was not trained on. Default: 20%.',
        examples: ['20%'],
      }),
      overlap: shareSchema.prefault('1%').meta({
        description:
          'Refuses a candidate when a larger share of the rows of the holdout is in the training data too. Default: 1%.',
        examples: ['1%'],
      }),
    })
    .prefault({})
    .meta({
      description:
        'What is refused for its data, whatever the metrics say, before the training and in the gate.',
      examples: [{ psi: 2, unknown: '20%', overlap: '1%' }],
    }),
  budget: z
    .strictObject({
      size: sizeSchema.optional().meta({
        description:
          'Most that the model files may weigh: a number with B, kB, MB, GB, KiB, MiB or GiB. Default: no limit.',
        examples: ['10MB', '800kB', '64MiB'],
      }),
      memory: sizeSchema.optional().meta({
        description:
          'Most that the session host may hold while it scores the holdout, measured in steps of 64 MiB. Default: no limit.',
        examples: ['256MiB'],
      }),
      latency: latencySchema.optional().meta({
        description:
          "Slowest p95 of one row: a multiple of the champion's, both measured in turn in the same run, or a time, " +
          'which only means something on one machine, named by "runner". Default: no limit.',
        examples: ['1.2x', '20ms'],
      }),
      runner: z
        .string()
        .min(1)
        .optional()
        .meta({
          description:
            'The machine whose times a latency in milliseconds means, as EDGELOOP_RUNNER or RUNNER_NAME names it there.',
          examples: ['edge-box-1'],
        }),
    })
    .check(runnerOfATime)
    .prefault({})
    .meta({
      description: 'What a device can afford; more is refused. Default: no limit.',
      examples: [{ size: '10MB', latency: '1.2x' }],
    }),
});

const modelSchema = z.strictObject({
  data: dataSchema.describe('What the model is trained and judged on.'),
  train: trainSchema.meta({ ...trainSchema.meta(), description: 'How it is trained.' }),
  evaluate: evaluateSchema.describe('How a candidate is judged.'),
});

const gitHubSchema = z.strictObject({
  versions: z
    .enum(['api', 'git'])
    .optional()
    .meta({
      description:
        'How versions get into the repository on GitHub: api, over its REST API, which needs GITHUB_TOKEN and ' +
        'GITHUB_REPOSITORY; or git, by pushing to the remote origin. Default: api in a workflow whose checkout is of ' +
        'its own repository and which sets GITHUB_TOKEN, elsewhere git.',
      examples: ['git'],
    }),
  releases: z
    .boolean()
    .default(false)
    .describe(
      'Writes a page among the releases of the repository on GitHub for each version: reasons, digests, report. It ' +
        'needs GITHUB_TOKEN and GITHUB_REPOSITORY. Default: false.',
    ),
});

const azureSchema = z.strictObject({
  subscription: z
    .string()
    .regex(
      /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/,
      'expected the id of a subscription, such as 00000000-0000-0000-0000-000000000000',
    )
    .describe('Id of the subscription.'),
  resourceGroup: z
    .string()
    .regex(/^[-\w.()]{1,90}$/, 'expected letters, digits, "-", "_", "." and brackets')
    .describe('Resource group of the workspace.'),
  workspace: z
    .string()
    .regex(/^[A-Za-z0-9][-\w]{1,32}$/, 'expected 2 to 33 letters, digits, "-" and "_"')
    .describe('Name of the Azure Machine Learning workspace.'),
});

/** Who trains there must say where. */
const workspaceOfJobs = z.superRefine<{
  models: Record<string, { train: Train }>;
  azure?: z.output<typeof azureSchema> | undefined;
}>(({ models, azure }, context) => {
  if (azure !== undefined) return;
  for (const [model, { train }] of Object.entries(models)) {
    if (train.target !== 'azureml') continue;
    const path = ['models', model, 'train', 'target'];
    const message = 'expected a section "azure" with subscription, resourceGroup and workspace';
    context.addIssue({ code: 'custom', path, message, input: undefined });
  }
});

/** The same for the JSON Schema: a model that is not trained there. */
const NO_JOB = {
  type: 'object',
  properties: { train: { type: 'object', properties: { target: { not: { const: 'azureml' } } } } },
};

/** The schema of `edgeloop.yaml` (DESIGN 8.2). */
export const configSchema = z
  .strictObject({
    registry: z
      .string()
      .min(1)
      .meta({
        description:
          'Where model images are kept: oci:FOLDER, relative to this file, or HOST/REPOSITORY. The environment variable ' +
          'EDGELOOP_REGISTRY goes before it.',
        examples: ['oci:.edgeloop/registry', 'ghcr.io/OWNER/REPO', 'localhost:5000/models'],
      }),
    models: notEmpty(
      z.record(
        nameSchema,
        modelSchema.check(metricsOfTheTask).describe('One model: a named line of versions.'),
      ),
      'model',
    ).describe(
      'At least one model by its name: 2 to 63 characters, a-z first, then a-z, 0-9 and "-", which may not be last.',
    ),
    channels: z
      .array(nameSchema)
      .min(1)
      .default(['production'])
      .meta({
        description:
          'What devices follow; the first one names the champion. Default: [production]. Names are made as those of models.',
        examples: [['production'], ['production', 'canary']],
      }),
    github: gitHubSchema.prefault({}).describe('How GitHub is used. Default: {}.'),
    azure: azureSchema
      .optional()
      .describe(
        'The Azure Machine Learning workspace, for "target: azureml" and data at azureml:. Releases are registered there. Default: none.',
      ),
  })
  .check(workspaceOfJobs)
  .meta({
    anyOf: [
      { required: ['azure'] },
      { properties: { models: { type: 'object', additionalProperties: NO_JOB } } },
    ],
  });

/** One model's settings, with durations in milliseconds and sizes in bytes. */
export type ModelConfig = z.output<typeof modelSchema>;

/** How GitHub is used. */
export type GitHubConfig = z.output<typeof gitHubSchema>;

/** Which Azure Machine Learning workspace. */
export type AzureConfig = z.output<typeof azureSchema>;
