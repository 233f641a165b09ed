import { z } from 'zod';
import { failure } from '../errors.ts';
import { CARD_FILE, cardSchema } from './card.ts';
import type { Card } from './card.ts';

const remedy = `Package the model again, so that ${CARD_FILE} is written anew.`;

/** Reads a card. Throws `card-invalid` that names each field that is wrong. */
export function parseCard(bytes: Uint8Array): Card {
  const result = cardSchema.safeParse(parseJson(bytes));
  if (result.success) return result.data;
  throw failure('card-invalid', `${CARD_FILE}: ${z.prettifyError(result.error)}`, remedy);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw failure('card-invalid', `${CARD_FILE} is not JSON`, remedy, { cause: error });
  }
}
