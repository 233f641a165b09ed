import type { SpentFacts } from './facts.ts';
import type { Format } from './format.ts';

/** So many of a training's own metrics are told. */
const TOLD = 12;

/** What a service took to train the candidate, a sentence each; none when nothing was trained there. */
export function spentSentences(spent: SpentFacts | undefined, { name, text }: Format): string[] {
  if (spent === undefined) return [];
  const { job, page, minutes, cost, metrics } = spent;
  const place = page === undefined ? '' : `: ${text(page)}`;
  const took =
    minutes === undefined ? 'how long it took the service does not say' : `${minutes.toFixed(1)} minutes`;
  const paid = cost === undefined ? '' : `, about ${cost.toFixed(2)} at the given rate`;
  const said = Object.entries(metrics)
    .slice(0, TOLD)
    .map(([metric, value]) => `${text(metric)} ${value}`);
  return [
    `job ${name(job)}${place}`,
    `all attempts together: ${took}${paid}`,
    ...(said.length === 0
      ? []
      : [`the training says of itself, which nothing is judged by: ${said.join(', ')}`]),
  ];
}
