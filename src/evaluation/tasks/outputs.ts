import type { ModelSignature, TensorSpec } from '../../onnx/index.ts';
import { quoted } from '../tables/columns.ts';

/** The outputs that may hold predictions: those of floating point. */
export function floatOutputs({ outputs }: ModelSignature): TensorSpec[] {
  return outputs.filter(({ dataType }) => /^FP(16|32|64)$/.test(dataType));
}

/** All outputs for a message: `"label" INT64 [N], "probabilities" FP32 [N,2]`. */
export function listedOutputs({ outputs }: ModelSignature): string {
  const listed = outputs.map(
    ({ name, dataType, shape }) =>
      `${quoted(name)} ${dataType} [${shape.map((size) => size ?? 'N').join(',')}]`,
  );
  return listed.join(', ');
}
