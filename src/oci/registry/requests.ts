import { failure } from '../../errors.ts';
import { http, type HttpAnswer, type HttpHeaders, type HttpOptions } from '../../http.ts';
import { type Endpoint, resolveLink } from './endpoint.ts';
import { unexpectedAnswer } from './registry-errors.ts';

export interface RegistryRequest extends Pick<
  HttpOptions,
  'method' | 'headers' | 'send' | 'receive' | 'retries' | 'timeoutMs'
> {
  url: URL;
  /** What the request needs: `Place.pull` or `Place.push`. */
  scope: string;
}

export interface RegistryAnswer extends HttpAnswer {
  /** Where the answer came from after redirects. */
  url: URL;
}

/** An answer whose body, for a 200 or 206, is still to come; it must be read or cancelled. */
export interface OpenAnswer extends RegistryAnswer {
  stream?: AsyncIterable<Buffer>;
  cancel(): void;
}

const MOST_REDIRECTS = 5;
const MOST_CHALLENGES = 3;

/**
 * One request to a registry, with credentials, once more after a challenge, and followed through redirects. Credentials
 * go to the registry's own origin only. Resolves with any status; throws `http-failed` when there was no answer.
 */
export async function request(endpoint: Endpoint, asked: RegistryRequest): Promise<RegistryAnswer> {
  const { scope, url: first, headers = {}, ...options } = asked;
  let url = first;
  let challenges = 0;
  for (let redirects = 0; ;) {
    const authorization = url.origin === endpoint.base.origin ? endpoint.authorization : undefined;
    const header = await authorization?.header(scope);
    const answer = await http(url.href, {
      timeoutMs: endpoint.stallMs,
      ...(endpoint.signal && { signal: endpoint.signal }),
      ...options,
      headers: { ...headers, ...(header !== undefined && { authorization: header }) },
      anyStatus: true,
    });
    const challenge = answer.status === 401 ? answer.headers['www-authenticate'] : undefined;
    // A second one is for `challenged` to judge: it knows who was refused, and that nothing else can be sent.
    if (authorization && challenge !== undefined && challenges++ < MOST_CHALLENGES) {
      if (await authorization.challenged(scope, String(challenge))) continue;
    }
    const next = redirectOf(endpoint, url, answer, options.method ?? 'GET');
    if (next === undefined) return { ...answer, url };
    if (++redirects > MOST_REDIRECTS)
      throw unexpectedAnswer(
        `${first.origin}${first.pathname}`,
        `it redirects more than ${MOST_REDIRECTS} times`,
      );
    url = next;
  }
}

/** A request whose answer is streamed: resolves as soon as its headers are there. It is not tried again here. */
export async function openRequest(
  endpoint: Endpoint,
  asked: Omit<RegistryRequest, 'receive' | 'retries'>,
): Promise<OpenAnswer> {
  const opened = Promise.withResolvers<OpenAnswer>();
  const read = Promise.withResolvers<void>();
  const receive = (body: AsyncIterable<Buffer>, headers: HttpHeaders, status: number): Promise<void> => {
    opened.resolve({
      status,
      headers,
      body: Buffer.alloc(0),
      url: asked.url,
      stream: endingIn(body, read.resolve),
      cancel: () => read.reject(failure('http-failed', 'the answer was not wanted', 'Try again.')),
    });
    return read.promise;
  };
  request(endpoint, { ...asked, receive, retries: 0 }).then(
    (answer) => opened.resolve({ ...answer, cancel: () => {} }),
    // Once the body is open, its reader meets what goes wrong.
    (error: unknown) => opened.reject(error),
  );
  return opened.promise;
}

async function* endingIn(
  body: AsyncIterable<Buffer>,
  end: () => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } finally {
    end();
  }
}

function redirectOf(endpoint: Endpoint, from: URL, answer: HttpAnswer, method: string): URL | undefined {
  const location = answer.headers['location'];
  const followed = method === 'GET' || method === 'HEAD' ? [301, 302, 303, 307, 308] : [307, 308];
  if (!followed.includes(answer.status) || location === undefined) return undefined;
  const url = resolveLink(endpoint, from, String(location));
  if (url !== undefined) return url;
  throw unexpectedAnswer(`${from.origin}${from.pathname}`, 'it redirects from https:// to somewhere else');
}
