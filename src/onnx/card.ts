import { z } from 'zod';
import { modelSignatureSchema } from './model-signature.ts';

/** The card's file name in the model folder. */
export const CARD_FILE = 'edgeloop.json';
/** The model's file name in the model folder. */
export const MODEL_FILE = 'model.onnx';
/** The golden samples' file name in the model folder. */
export const GOLDEN_FILE = 'golden.json';

const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** Reference statistics of one input column of the training data, for drift on the device. */
export const columnStatisticsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('numeric'),
    rows: z.int().nonnegative(),
    mean: z.number(),
    standardDeviation: z.number(),
    minimum: z.number(),
    maximum: z.number(),
    /** Ten-quantile cut points (nine ascending numbers); the distinct ones cut the bins of a PSI. */
    deciles: z.array(z.number()),
    /** Share of the values in each of these bins: up to the first cut, up to the next, ..., above the last. */
    shares: z.array(z.number()).optional(),
    /** Share of all rows that have no value. */
    missing: z.number().optional(),
  }),
  z.strictObject({
    kind: z.literal('categorical'),
    rows: z.int().nonnegative(),
    /** Share of rows per category, most frequent first. */
    shares: z.record(z.string(), z.number()),
  }),
]);

/** What an input key is made of (docs/input-key.md), so that two cards tell what changed between two trainings. */
export const trainingInputsSchema = z.strictObject({
  command: z.string(),
  code: sha256,
  dataset: sha256,
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  environment: z.string(),
});

/**
 * The card, `edgeloop.json`: what a model is and how it came to be. It holds nothing that is decided later
 * (no version, no champion, no verdict), so that the model's digest never changes.
 */
export const cardSchema = z.strictObject({
  schema: z.literal('edgeloop.card/v1'),
  model: z.string(),
  modelSignature: modelSignatureSchema,
  requirements: z.strictObject({
    /** Highest opset version used, by ONNX domain (`''` is written `ai.onnx`). */
    opset: z.record(z.string(), z.int().positive()),
    /** Execution providers that can run it, as ONNX Runtime's Node binding names them. */
    executionProviders: z.array(z.string()).min(1),
    /** Size of the model files on disk, bytes: the least memory that a session needs. */
    modelBytes: z.int().nonnegative(),
    /**
     * The most memory that the session host held while it scored the holdout, bytes; rounded up to 64 MiB, so that
     * training again gives the same card. Absent where the system does not tell.
     */
    memoryBytes: z.int().positive().optional(),
  }),
  /** Absent when the model was not trained by Edgeloop. */
  training: z
    .strictObject({
      inputKey: z.string().regex(/^[0-9a-f]{64}$/),
      inputs: trainingInputsSchema,
      /** The commit that was checked out, or null outside a git repository. */
      commit: z.string().nullable(),
      /** Paths that differed from that commit (`--allow-dirty`); such a model is never kept in a registry. */
      uncommitted: z.array(z.string()).min(1).optional(),
      /** `elsewhere`: the model was handed over; that these inputs made it is not proven. */
      job: z.strictObject({ target: z.enum(['local', 'azureml', 'elsewhere']), name: z.string() }),
      datasetFiles: z.int().nonnegative(),
      datasetBytes: z.int().nonnegative(),
    })
    .optional(),
  /** The columns that fill the input with several values per row, in its row-major order. Absent without one. */
  featureOrder: z.array(z.string()).min(1).optional(),
  /** Who named it: the training, or the holdout's header, the file's own order. */
  featureOrderFrom: z.enum(['trainer', 'holdout']).optional(),
  /** The training's own words. */
  notes: z.string().optional(),
  /** By column. Absent when the training data is not a table. */
  statistics: z.record(z.string(), columnStatisticsSchema).optional(),
});

export type ColumnStatistics = z.infer<typeof columnStatisticsSchema>;
export type TrainingInputs = z.infer<typeof trainingInputsSchema>;
export type Card = z.infer<typeof cardSchema>;
