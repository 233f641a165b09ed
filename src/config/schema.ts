import { z } from 'zod';
import { notEmpty } from './maps.ts';
import { nameSchema } from './names.ts';
import { type MetricName, metricsOfTheTask, TASK_NAMES } from './tasks.ts';
import { durationSchema, sizeSchema, toleranceSchema } from './units.ts';

// Descriptions and examples go into schema/edgeloop.schema.json, where editors find them.

const ruleSchema = z.strictObject({
  min: z
    .number()
    .optional()
    .meta({ description: 'The candidate must reach at least this. Default: no floor.', examples: [0.85] }),
  max: z
    .number()
    .optional()
    .meta({ description: 'The candidate may reach at most this. Default: no ceiling.', examples: [0.4] }),
  tolerance: toleranceSchema.optional().meta({
    description:
      'How much worse than the champion is still accepted: an absolute number such as 0.02, or a share of the ' +
      "champion's value such as 5%. The lower end of the 95 % interval of the improvement must not lie further " +
      'below zero. Default: the champion is not compared.',
    examples: [0.02, '5%'],
  }),
});

const metric = (description: string, example: z.input<typeof ruleSchema>) =>
  ruleSchema.optional().meta({ description, examples: [example] });

const paramSchema = z.union(
  [z.string(), z.number(), z.boolean()],
  'expected a text, a number, true or false',
);

const dataSchema = z.strictObject({
  train: z
    .union(
      [z.string().min(1), z.array(z.string().min(1)).min(1)],
      'expected a path, a list of paths, or an https:// address',
    )
    .transform((paths) => (typeof paths === 'string' ? [paths] : paths))
    .meta({
      description:
        'What the training reads: a file or folder relative to this file, a list of them, or the https:// address of a ' +
        'folder with an index.json. Every file counts: one that is added, changed or removed asks for a retraining. ' +
        'A file .edgeloopignore in a folder names what does not belong to it, as .gitignore does.',
      examples: ['data/train', ['data/base', 'data/extra.csv'], 'https://example.com/churn/train/'],
    }),
  holdout: z
    .string()
    .min(1)
    .meta({
      description:
        'Labelled file that never trains, relative to this file: candidate and champion are scored on it. It is not ' +
        'part of the input key.',
      examples: ['data/holdout.csv'],
    }),
});

const trainSchema = z.strictObject({
  run: z
    .string()
    .min(1)
    .meta({
      description:
        'The command, in any language, run by /bin/sh in a clean copy of the commit, in the folder of this file. ' +
        '${{inputs.train}}, ' +
        '${{inputs.PARAM}} and ${{outputs.model}} are replaced, each by one word. Exit code 0 and a model.onnx in ' +
        'the output folder is success.',
      examples: [
        'python train.py --data ${{inputs.train}} --out ${{outputs.model}} --trees ${{inputs.trees}}',
      ],
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
    .meta({
      description: 'The lock file of what the training has installed, relative to this file.',
      examples: ['package-lock.json', 'requirements.txt'],
    }),
  target: z
    .enum(['local'])
    .default('local')
    .describe('Where the training runs: local, on this machine. Default: local.'),
  timeout: durationSchema.prefault('30m').meta({
    description:
      'Ends a training that takes longer: a number with ms, s, m or h. Default: 30m. It is not part of the input key.',
    examples: ['90s', '30m', '2h'],
  }),
});

const evaluateSchema = z.strictObject({
  task: z.enum(TASK_NAMES).describe('What the model predicts; it decides which metrics there are.'),
  label: z
    .string()
    .min(1)
    .meta({
      description: 'The column of the holdout that holds the truth; the other columns are inputs.',
      examples: ['churn'],
    }),
  metrics: notEmpty(
    z.strictObject({
      auc: metric('Area under the ROC curve, 0 to 1; higher is better.', { min: 0.85, tolerance: 0.02 }),
      log_loss: metric('Mean negative log-likelihood of the true class, in nats; lower is better.', {
        max: 0.4,
        tolerance: '5%',
      }),
      accuracy: metric('Share of the rows that are predicted right, 0 to 1; higher is better.', {
        min: 0.85,
        tolerance: 0.02,
      }),
      f1: metric('Harmonic mean of precision and recall of the second class, 0 to 1; higher is better.', {
        min: 0.85,
        tolerance: 0.02,
      }),
      macro_f1: metric('Mean over the classes of their F1, 0 to 1; higher is better.', {
        min: 0.85,
        tolerance: 0.02,
      }),
    } satisfies Record<MetricName, z.ZodType>),
    'metric',
  ).meta({
    description:
      'The gate: at least one metric of the task with its floor, its ceiling or its tolerance. Binary: auc, log_loss, ' +
      'accuracy, f1. Multiclass: accuracy, macro_f1, log_loss.',
    examples: [{ auc: { min: 0.85, tolerance: 0.02 }, log_loss: { tolerance: '5%' } }],
  }),
  budget: z
    .strictObject({
      size: sizeSchema.optional().meta({
        description:
          'Most that the model files may weigh: a number with B, kB, MB, GB, KiB, MiB or GiB. Default: no limit.',
        examples: ['10MB', '800kB', '64MiB'],
      }),
    })
    .prefault({})
    .meta({
      description: 'What a device can afford; more is refused. Default: no limit.',
      examples: [{ size: '10MB' }],
    }),
});

const modelSchema = z.strictObject({
  data: dataSchema.describe('What the model is trained and judged on.'),
  train: trainSchema.describe('How it is trained.'),
  evaluate: evaluateSchema.describe('How a candidate is judged.'),
});

/** The schema of `edgeloop.yaml` (DESIGN 8.2). */
export const configSchema = z.strictObject({
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
});

/** One model's settings, with durations in milliseconds and sizes in bytes. */
export type ModelConfig = z.output<typeof modelSchema>;
