import { describe, expect, it } from 'vitest';
import type { Card } from './card.ts';
import { parseCard } from './parse-card.ts';

const card: Card = {
  schema: 'edgeloop.card/v1',
  model: 'churn',
  modelSignature: {
    inputs: [{ name: 'x', dataType: 'FP32', shape: [null, 1] }],
    outputs: [],
    labels: [0, 1],
  },
  requirements: { opset: { 'ai.onnx': 17 }, executionProviders: ['cpu'], modelBytes: 10 },
};

describe('parseCard', () => {
  it('reads a card', () => {
    expect(parseCard(Buffer.from(JSON.stringify(card)))).toEqual(card);
  });

  it.each([
    ['no JSON', '{', 'not JSON'],
    ['a version', JSON.stringify({ ...card, version: '1.0.0' }), 'version'],
    ['another schema', JSON.stringify({ ...card, schema: 'v9' }), 'schema'],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseCard(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'card-invalid', message: expect.stringContaining(message) }),
    );
  });
});
