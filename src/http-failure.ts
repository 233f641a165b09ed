import { type EdgeloopError, failure } from './errors.ts';
import { proxySettingFor } from './http-agent.ts';

/** What one try of a request came to, when nothing can be done with it. */
export type FailedTry = { status: number } | { error: unknown };

const INSTALL_CA =
  'Set NODE_EXTRA_CA_CERTS to a PEM file with the certificate of its authority, or NODE_USE_SYSTEM_CA=1 when this system trusts it.';
// Node's documentation, "X509 certificate error codes".
const TLS_REMEDIES: Record<string, string> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: INSTALL_CA,
  UNABLE_TO_GET_ISSUER_CERT: INSTALL_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: INSTALL_CA,
  SELF_SIGNED_CERT_IN_CHAIN: INSTALL_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: INSTALL_CA,
  ERR_TLS_CERT_ALTNAME_INVALID: 'Use a name that its certificate names, or have this one put into it.',
  CERT_HAS_EXPIRED: 'Check the clock here; if it is right, the server needs a new certificate.',
  CERT_NOT_YET_VALID: 'Check the clock here: the certificate is valid only later.',
};

/** The failure `http-failed` of a request after its last try. */
export function httpFailed(place: string, tried: FailedTry): Error {
  const what = 'status' in tried ? `answered ${tried.status}` : 'could not be reached';
  const proxy = proxySettingFor(place);
  if ('status' in tried && tried.status === 429)
    return failure(
      'http-failed',
      `${shown(place)} ${what}: too many requests`,
      'Run it again in some minutes.',
    );
  const through =
    proxy && ` Unless NO_PROXY names it, it is asked through ${proxy.shown}, as ${proxy.name} says.`;
  return failure(
    'http-failed',
    `${shown(place)} ${what}`,
    `Check that it runs and can be reached from here.${through ?? ''}`,
    'error' in tried ? { cause: tried.error } : undefined,
  );
}

/**
 * The failure that another try would meet again: `tls-failed` for a server that cannot be believed to be who it should
 * be, `proxy-refused` for a proxy that does not let us through. `undefined` for anything that may pass.
 */
export function lastingFailure(place: string, tried: FailedTry): EdgeloopError | undefined {
  if ('status' in tried) return tried.status === 407 ? proxyRefused(place, tried.status) : undefined;
  const { error } = tried;
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const status = 'statusCode' in error ? Number(error.statusCode) : 0;
  if (error.code === 'ERR_PROXY_TUNNEL' && status >= 400 && status < 500) return proxyRefused(place, status);
  if (error.code === 'EPROTO') return noTls(place, error);
  const remedy = TLS_REMEDIES[String(error.code)];
  if (remedy === undefined) return undefined;
  return failure('tls-failed', `the certificate of ${shown(place)} is not accepted`, remedy, {
    cause: error,
  });
}

function noTls(place: string, { message }: Error): EdgeloopError {
  // OpenSSL's whole line names a thread and a source file.
  const [, reason = 'no TLS'] = /:SSL routines:[^:]*:([^:]+)/.exec(message) ?? [];
  return failure(
    'tls-failed',
    `${shown(place)} could not be reached: TLS failed (${reason})`,
    'Check the port: what answers there may not be HTTPS.',
  );
}

function proxyRefused(place: string, status: number): EdgeloopError {
  const { name = 'HTTPS_PROXY', shown: proxy = 'the proxy' } = proxySettingFor(place) ?? {};
  return failure(
    'proxy-refused',
    `${proxy} answered ${status} when it was asked for ${shown(place)}`,
    status === 407
      ? `Put a user name and a password that it takes into ${name}: http://USER:PASSWORD@HOST:PORT.`
      : 'Have the proxy let this host through, or name the host in NO_PROXY.',
  );
}

/** A query may be a signature, and a user name comes with a password. */
function shown(place: string): string {
  return place.replace(/\?.*/s, '').replace(/\/\/[^/@]*@/, '//');
}
