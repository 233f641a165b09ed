import { z } from 'zod';
import { failure } from '../errors.ts';
import { GOLDEN_FILE } from './card.ts';
import { elements } from './elements.ts';
import { tensorFromJson, tensorToJson } from './json-tensor.ts';
import { DATA_TYPES } from './tensor.ts';
import type { Tensor } from './tensor.ts';

const jsonTensorSchema = z.strictObject({
  name: z.string().min(1),
  datatype: z.enum(DATA_TYPES),
  shape: z.array(z.int().nonnegative()),
  data: z.array(z.union([z.number(), z.string(), z.boolean()])),
});

const toleranceSchema = z.strictObject({
  absolute: z.number().nonnegative(),
  relative: z.number().nonnegative(),
});

/** Golden samples, `golden.json`: held-out inputs with the outputs that the candidate itself gave for them. */
export const goldenSchema = z.strictObject({
  schema: z.literal('edgeloop.golden/v1'),
  tolerance: toleranceSchema,
  inputs: z.array(jsonTensorSchema),
  outputs: z.array(jsonTensorSchema),
});

/** Floats agree when they differ by at most `absolute + relative * |expected|`. */
export type Tolerance = z.infer<typeof toleranceSchema>;

export type OutputComparison =
  | { ok: true; maxDifference: number }
  | { ok: false; reason: string; maxDifference: number };

/** Wider than two ONNX Runtime versions or two processors differ (5e-7), narrower than any change that matters. */
const TOLERANCE: Tolerance = { absolute: 1e-5, relative: 1e-4 };

/** Golden samples as they are written into `golden.json`. Throws `output-not-finite` for NaN or an infinity. */
export function goldenToJson(inputs: Tensor[], outputs: Tensor[]): z.infer<typeof goldenSchema> {
  return {
    schema: 'edgeloop.golden/v1',
    tolerance: TOLERANCE,
    inputs: inputs.map(tensorToJson),
    outputs: outputs.map(tensorToJson),
  };
}

/** Reads `golden.json`. Throws `golden-invalid`. */
export function parseGolden(bytes: Uint8Array): {
  inputs: Tensor[];
  outputs: Tensor[];
  tolerance: Tolerance;
} {
  try {
    const golden = goldenSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    return {
      inputs: golden.inputs.map(tensorFromJson),
      outputs: golden.outputs.map(tensorFromJson),
      tolerance: golden.tolerance,
    };
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : 'it is not what it should be';
    throw failure('golden-invalid', `${GOLDEN_FILE}: ${what}`, 'Package the model again.', { cause: error });
  }
}

/**
 * Compares outputs by name. Floats agree within `absolute + relative * |expected|`, everything else exactly; a NaN
 * agrees only with a NaN. `maxDifference` is the largest absolute difference between floats that were compared.
 */
export function compareOutputs(expected: Tensor[], actual: Tensor[], tolerance: Tolerance): OutputComparison {
  const found = new Map(actual.map((tensor) => [tensor.name, tensor]));
  let maxDifference = 0;
  let reason: string | undefined;
  for (const tensor of expected) {
    const compared = compareTensor(tensor, found.get(tensor.name), tolerance);
    maxDifference = Math.max(maxDifference, compared.maxDifference);
    if (!compared.ok) reason ??= compared.reason;
  }
  return reason === undefined ? { ok: true, maxDifference } : { ok: false, reason, maxDifference };
}

function compareTensor(expected: Tensor, actual: Tensor | undefined, tolerance: Tolerance): OutputComparison {
  const where = `output "${expected.name}"`;
  if (actual === undefined) return { ok: false, reason: `${where} is missing`, maxDifference: 0 };
  const [want, have] = [described(expected), described(actual)];
  if (want !== have) {
    return { ok: false, reason: `${where} is ${have}, expected ${want}`, maxDifference: 0 };
  }
  return compareElements(where, expected, actual, tolerance);
}

function compareElements(
  where: string,
  expected: Tensor,
  actual: Tensor,
  tolerance: Tolerance,
): OutputComparison {
  const [wanted, given] = [elements(expected), elements(actual)];
  const floats = expected.dataType.startsWith('FP');
  let maxDifference = 0;
  let reason: string | undefined;
  for (let index = 0; index < wanted.length; index++) {
    const [want, have] = [wanted[index], given[index]];
    if (Object.is(want, have) || want === have) continue;
    const difference = floats ? Math.abs(Number(have) - Number(want)) : Infinity;
    if (Number.isFinite(difference)) maxDifference = Math.max(maxDifference, difference);
    const allowed = tolerance.absolute + tolerance.relative * Math.abs(Number(want));
    // Negated, so that a NaN on either side is a difference.
    if (!(difference <= allowed && Number.isFinite(difference))) {
      reason ??= `${where} element ${index} is ${shown(have)}, expected ${shown(want)}`;
    }
  }
  return reason === undefined ? { ok: true, maxDifference } : { ok: false, reason, maxDifference };
}

const described = (tensor: Tensor): string => `${tensor.dataType} [${tensor.shape.join(',')}]`;
const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));
