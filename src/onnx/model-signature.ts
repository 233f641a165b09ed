import { z } from 'zod';
import { DATA_TYPES } from './tensor.ts';

/** One input or output: a dimension is its fixed size, or `null` when it is dynamic (named or not). */
export const tensorSpecSchema = z.strictObject({
  name: z.string().min(1),
  dataType: z.enum(DATA_TYPES),
  shape: z.array(z.int().nonnegative().nullable()),
  /** An ONNX input that has an initializer may be left out of a request. */
  optional: z.boolean().optional(),
});

/** What a client sees of a model. The order of inputs and outputs does not matter; labels are ordered by class. */
export const modelSignatureSchema = z.strictObject({
  inputs: z.array(tensorSpecSchema),
  outputs: z.array(tensorSpecSchema),
  labels: z.array(z.union([z.string(), z.int()])).optional(),
});

export type TensorSpec = z.infer<typeof tensorSpecSchema>;
export type ModelSignature = z.infer<typeof modelSignatureSchema>;
