import type { ModelSignature, TensorSpec } from './model-signature.ts';

/**
 * How a loaded model differs from its card, one sentence each; empty when they agree. Inputs and outputs are compared
 * by name, dynamic dimensions are equal whatever they are called. An optional input may be missing on either side,
 * since ONNX Runtime does not report inputs that have an initializer.
 */
export function signatureDifferences(
  card: ModelSignature,
  actual: Pick<ModelSignature, 'inputs' | 'outputs'>,
): string[] {
  return [
    ...tensorDifferences('input', card.inputs, actual.inputs),
    ...tensorDifferences('output', card.outputs, actual.outputs),
  ];
}

function tensorDifferences(kind: string, card: TensorSpec[], actual: TensorSpec[]): string[] {
  const found = new Map(actual.map((spec) => [spec.name, spec]));
  const known = new Set(card.map((spec) => spec.name));
  const differing = card.flatMap((spec) => {
    const other = found.get(spec.name);
    if (other === undefined) {
      return spec.optional === true ? [] : [`${kind} "${spec.name}" of the card is not in the model`];
    }
    const [want, have] = [described(spec), described(other)];
    return want === have ? [] : [`${kind} "${spec.name}" is ${have} in the model and ${want} in the card`];
  });
  const added = actual.filter((spec) => !known.has(spec.name) && spec.optional !== true);
  return [...differing, ...added.map((spec) => `${kind} "${spec.name}" of the model is not in the card`)];
}

function described(spec: TensorSpec): string {
  return `${spec.dataType} [${spec.shape.map((size) => size ?? '?').join(',')}]`;
}
