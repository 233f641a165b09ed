import type { Card } from '../../src/onnx/index.ts';

/** What this device offers. */
export interface Offer {
  executionProviders: readonly string[];
  /** Highest opset by ONNX domain; a domain that is not named is left to ONNX Runtime to judge. */
  opset: Readonly<Record<string, number>>;
}

/** ONNX Runtime 1.30: the highest opsets that its Node binding loads, tried one after the other. */
export const THIS_DEVICE: Offer = { executionProviders: ['cpu'], opset: { 'ai.onnx': 26, 'ai.onnx.ml': 5 } };

/** What a card requires and a device does not offer, one sentence each; empty when it can run the model. Pure. */
export function unmetRequirements({ requirements }: Card, offer: Offer): string[] {
  const unmet = Object.entries(requirements.opset).flatMap(([domain, version]) => {
    const highest = offer.opset[domain];
    return highest === undefined || version <= highest
      ? []
      : [`it needs opset ${version} of ${domain}, this device knows up to ${highest}`];
  });
  if (!requirements.executionProviders.some((name) => offer.executionProviders.includes(name))) {
    const needed = requirements.executionProviders.join(' or ');
    unmet.push(
      `it needs the execution provider ${needed}, this device has ${offer.executionProviders.join(', ')}`,
    );
  }
  return unmet;
}
