import type { IncomingMessage } from 'node:http';
import { failure } from '../../src/errors.ts';

/** Memory that bodies may hold together, so that many large requests at once cannot end the agent. */
export interface BodyBudget {
  /** Longest body, bytes. */
  each: number;
  /** All bodies that were read and not yet answered, bytes. */
  together: number;
  held: number;
}

/**
 * The body of a request in memory, counted in `budget.held` until `release`. Throws `body-too-large` as soon as it is
 * known to be too long, or `bodies-too-large` when others hold the memory.
 */
export async function readBody(
  request: IncomingMessage,
  budget: BodyBudget,
): Promise<{ body: Uint8Array; release(): void }> {
  if (Number(request.headers['content-length'] ?? 0) > budget.each) throw tooLarge(budget);
  const chunks: Buffer[] = [];
  let length = 0;
  const release = () => {
    budget.held -= length;
    length = 0;
  };
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      length += chunk.length;
      budget.held += chunk.length;
      if (length > budget.each) throw tooLarge(budget);
      if (budget.held > budget.together) throw togetherTooLarge(budget);
      chunks.push(chunk);
    }
    return { body: Buffer.concat(chunks, length), release };
  } catch (error) {
    release();
    throw error;
  }
}

const tooLarge = ({ each }: BodyBudget) =>
  failure('body-too-large', `the body is larger than ${each} bytes`, 'Send fewer rows in one request.');

const togetherTooLarge = ({ together }: BodyBudget) =>
  failure(
    'bodies-too-large',
    `requests under way hold ${together} bytes already`,
    'Send it again in a second.',
  );
