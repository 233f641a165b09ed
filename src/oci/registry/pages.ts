import type { z } from 'zod';
import { resolveLink, type Place } from './endpoint.ts';
import { firstProblem } from '../manifest-reading.ts';
import { unexpectedAnswer } from './registry-errors.ts';
import { type RegistryAnswer, request } from './requests.ts';

/** Most pages of one list; a registry gives 100 or more entries on each. */
const MOST_PAGES = 1000;

/**
 * The pages of a list, followed by `Link: <URL>; rel="next"` (distribution-spec 1.1, RFC 8288). `accept` says whether
 * an answer is a page; at one that is not the list ends, and is `undefined` if that was the first.
 */
export async function readPages(
  place: Place,
  first: URL,
  what: string,
  accept: (answer: RegistryAnswer) => boolean,
): Promise<RegistryAnswer[] | undefined> {
  const pages: RegistryAnswer[] = [];
  const seen = new Set<string>();
  for (let url: URL | undefined = first; url !== undefined;) {
    if (seen.size === MOST_PAGES || seen.has(url.href))
      throw unexpectedAnswer(what, `its list does not end after ${seen.size} pages`);
    seen.add(url.href);
    const answer: RegistryAnswer = await request(place.endpoint, { url, scope: place.pull });
    if (!accept(answer)) return pages.length === 0 ? undefined : pages;
    pages.push(answer);
    url = nextOf(place, answer);
  }
  return pages;
}

/** A page as data. Throws `registry-answer-unexpected` for what is not JSON or has another shape. */
export function parsePage<T>(schema: z.ZodType<T>, { body, status }: RegistryAnswer, what: string): T {
  let page: unknown;
  try {
    page = JSON.parse(body.toString());
  } catch {
    throw unexpectedAnswer(what, `it answered ${status} with what is not JSON`);
  }
  const parsed = schema.safeParse(page);
  if (parsed.success) return parsed.data;
  throw unexpectedAnswer(what, `it answered ${status} with ${firstProblem(parsed.error)}`);
}

function nextOf(place: Place, { headers, url }: RegistryAnswer): URL | undefined {
  const links = String(headers['link'] ?? '').matchAll(/<([^>]*)>([^,<]*)/g);
  for (const [, target = '', parameters = ''] of links) {
    if (/;\s*rel="?next"?/i.test(parameters)) return resolveLink(place.endpoint, url, target);
  }
  return undefined;
}
