import { z } from 'zod';
import { failure } from '../../src/errors.ts';
import {
  type ModelSignature,
  type Tensor,
  tensorFromJson,
  tensorToJson,
  type TensorSpec,
} from '../../src/onnx/index.ts';
import type { InferenceAnswer, InferenceRequest } from './queue.ts';

/** Open Inference Protocol v2, "Inference" request, REST: unknown parameters are allowed and ignored. */
const requestSchema = z.object({
  id: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  inputs: z.array(z.unknown()).min(1),
  outputs: z.array(z.object({ name: z.string() })).optional(),
});

const invalid = (message: string, cause?: unknown) =>
  failure(
    'request-invalid',
    message,
    'Send {"inputs": [{"name", "shape", "datatype", "data"}]} as the Open Inference Protocol v2 says.',
    cause === undefined ? {} : { cause },
  );

/** Reads the JSON body of an infer request. Throws `request-invalid` or `tensor-invalid`. */
export function readInferRequest(body: Uint8Array): InferenceRequest & { id?: string } {
  const parsed = requestSchema.safeParse(parseJson(body));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`);
  }
  const { id, inputs, outputs } = parsed.data;
  return {
    inputs: inputs.map(tensorFromJson),
    // An empty selection selects nothing sensible: all outputs, as when it is left out.
    ...(outputs === undefined || outputs.length === 0 ? {} : { outputs: outputs.map(({ name }) => name) }),
    ...(id === undefined ? {} : { id }),
  };
}

/** Parses a JSON body. Throws `request-invalid`. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw invalid('the body is not JSON', error);
  }
}

/** The JSON answer to an infer request. Throws `output-not-in-json` when JSON cannot carry an output. */
export function inferResponse(model: string, id: string | undefined, answer: InferenceAnswer) {
  return {
    model_name: model,
    model_version: answer.version,
    ...(id === undefined ? {} : { id }),
    outputs: answer.outputs.map(outputJson),
  };
}

function outputJson(tensor: Tensor) {
  try {
    return tensorToJson(tensor);
  } catch (error) {
    throw failure(
      'output-not-in-json',
      `output "${tensor.name}" holds what JSON cannot carry`,
      'Leave it out with "outputs", or ask for other rows.',
      { cause: error },
    );
  }
}

/** Model metadata: a dynamic dimension is -1. */
export function modelMetadata(model: string, versions: string[], signature: ModelSignature) {
  return {
    name: model,
    versions,
    platform: 'onnx_onnxv1',
    inputs: signature.inputs.map(tensorMetadata),
    outputs: signature.outputs.map(tensorMetadata),
  };
}

function tensorMetadata({ name, dataType, shape }: TensorSpec) {
  return { name, datatype: dataType, shape: shape.map((size) => size ?? -1) };
}
