/** What is needed of `http`: one request, tried again a few times when that may help. */
export type SendRequest = (
  url: string,
  options: {
    method?: 'GET' | 'POST';
    headers?: Record<string, string>;
    send?: { contentType: string; bytes: Uint8Array };
    retries?: number;
  },
) => Promise<TokenAnswer>;

/** Which server is asked for tokens, and how. */
export interface TokenSettings {
  host: string;
  /** Plain HTTP, which goes by itself to loopback addresses only. */
  plainHttp?: boolean;
  request: SendRequest;
  /** Takes each token the moment that it is had. */
  mask?: ((secret: string) => void) | undefined;
}

export interface TokenAnswer {
  status: number;
  body: Buffer;
}

/** What is asked of a token server. */
export interface TokenQuestion {
  url: URL;
  /** Empty when the registry names none. */
  service: string;
  /** A list, separated by spaces. */
  scope: string;
}

const CLIENT_ID = 'edgeloop';

/** Asks with the GET of distribution's "Token Authentication", for somebody when there is a header. */
export function getToken(
  request: SendRequest,
  { url: realm, service, scope }: TokenQuestion,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const url = new URL(realm);
  if (service !== '') url.searchParams.set('service', service);
  for (const one of scope.split(' ').filter(Boolean)) url.searchParams.append('scope', one);
  return request(url.href, { headers });
}

/** Asks with the form of distribution's "OAuth2 Token Authentication". */
export function postGrant(
  request: SendRequest,
  { url, service, scope }: TokenQuestion,
  grant:
    | { grant_type: 'refresh_token'; refresh_token: string }
    | { grant_type: 'password'; username: string; password: string },
): Promise<TokenAnswer> {
  return postForm(request, url, {
    ...(service !== '' && { service }),
    ...(scope !== '' && { scope }),
    client_id: CLIENT_ID,
    ...grant,
  });
}

/** Sends a form. A secret belongs here or in a header, never in a URL, which proxies and servers write down. */
export function postForm(
  request: SendRequest,
  url: URL,
  fields: Record<string, string>,
): Promise<TokenAnswer> {
  const bytes = Buffer.from(new URLSearchParams(fields).toString());
  const send = { contentType: 'application/x-www-form-urlencoded', bytes };
  // A token that was given twice does no harm.
  return request(url.href, { method: 'POST', send, retries: 2 });
}
