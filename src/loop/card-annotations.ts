import { ANNOTATION, digestOf, TITLE } from '../oci/index.ts';
import type { Card } from '../onnx/index.ts';

/** What a model's manifest repeats of its card (DESIGN 8.4): the same card gives the same manifest, whoever packs it. */
export function cardAnnotations(card: Card): Record<string, string> {
  const { training } = card;
  return {
    [TITLE]: card.model,
    [ANNOTATION.modelSignature]: digestOf(Buffer.from(JSON.stringify(card.modelSignature))),
    ...(training !== undefined && {
      ...(training.commit !== null && { 'org.opencontainers.image.revision': training.commit }),
      [ANNOTATION.inputKey]: training.inputKey,
      [ANNOTATION.dataset]: training.inputs.dataset,
      [ANNOTATION.job]: training.job.name,
    }),
  };
}
