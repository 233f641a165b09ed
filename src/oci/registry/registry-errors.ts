import { z } from 'zod';
import { EdgeloopError, failure } from '../../errors.ts';
import { type HttpAnswer, isTransient } from '../../http.ts';

/** Longest text of a registry that is repeated in a message, characters. */
const LONGEST_TEXT = 300;
// distribution-spec 1.1, "Error Codes".
const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string().optional() })),
});

/** The error codes of an answer's body, such as `BLOB_UPLOAD_INVALID`; none when it is not a registry's. */
export function errorCodes(answer: HttpAnswer): string[] {
  return errorsOf(answer).map(({ code }) => code);
}

/**
 * The failure for an answer that is not what was asked for: `registry-unauthorized`, `registry-denied`,
 * `registry-unavailable` (it may go next time) or `registry-failed`, with the registry's own codes and messages.
 * `what` is a clause such as `reading tags of HOST/REPOSITORY`.
 */
export function registryError(answer: HttpAnswer, what: string): EdgeloopError {
  const { status } = answer;
  const told = errorsOf(answer)
    .map(({ code, message }) => plain(message === undefined ? code : `${code}: ${message}`))
    .join('; ');
  const message = `${what}: the registry answered ${status}${told === '' ? '' : ` (${told})`}`;
  if (status === 401) {
    return failure(
      'registry-unauthorized',
      message,
      'Log in with "docker login", or set EDGELOOP_REGISTRY_USERNAME and EDGELOOP_REGISTRY_PASSWORD.',
    );
  }
  if (status === 403) {
    return failure('registry-denied', message, 'Ask for access to the repository, or name another one.');
  }
  if (isTransient(status)) return failure('registry-unavailable', message, 'Try again later.');
  if (status < 400 || isHtml(answer)) return unexpectedAnswer(what, describe(answer));
  return failure('registry-failed', message, 'Check the name of the registry and what it says in its log.');
}

/** Throws `registry-answer-unexpected` for a web page: what a portal, a proxy or another server answers. */
export function refuseHtml(answer: HttpAnswer, what: string): void {
  if (isHtml(answer)) throw unexpectedAnswer(what, describe(answer));
}

/** The failure for an answer that no registry should give. */
export function unexpectedAnswer(what: string, problem: string): EdgeloopError {
  return failure(
    'registry-answer-unexpected',
    `${what}: ${problem}`,
    'Check that the address is a registry, and that no proxy or login page stands before it.',
  );
}

/** The media type of an answer in lower case without parameters; empty when it has none. */
export function mediaTypeOf({ headers }: Pick<HttpAnswer, 'headers'>): string {
  return String(headers['content-type'] ?? '')
    .replace(/;.*/s, '')
    .trim()
    .toLowerCase();
}

/** True for what may go well when it is tried again: the network, or a registry that is overloaded. */
export function isPassing(error: unknown): boolean {
  return error instanceof EdgeloopError && ['http-failed', 'registry-unavailable'].includes(error.code);
}

function describe(answer: HttpAnswer): string {
  return `it answered ${answer.status} with ${plain(mediaTypeOf(answer)) || 'no media type'}, which no registry does here`;
}

function isHtml(answer: HttpAnswer): boolean {
  return ['text/html', 'application/xhtml+xml'].includes(mediaTypeOf(answer));
}

function errorsOf({ body }: HttpAnswer): { code: string; message?: string | undefined }[] {
  try {
    return errorsSchema.parse(JSON.parse(body.toString())).errors;
  } catch {
    return [];
  }
}

function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, LONGEST_TEXT);
}
