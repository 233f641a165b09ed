// Those of one connection, not of the message; Expect is answered here.
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'expect']);

/** A request's headers for the registry: as they came, in their order and spelling, but for host and account. */
export function requestHeaders(raw: string[], host: string, authorization: string | undefined): string[] {
  const kept = without(raw, new Set([...OF_CONNECTION, 'host', 'authorization']));
  const account = authorization === undefined ? [] : ['Authorization', authorization];
  const framed = hasHeader(raw, 'content-length') || hasHeader(raw, 'transfer-encoding');
  // Without this Node frames a POST or PUT that has no body as a chunked one.
  const length = framed ? [] : ['Content-Length', '0'];
  return ['Host', host, ...kept, ...account, ...length];
}

/** An answer's headers for the client; a `Location` at the registry becomes one at the proxy. */
export function answerHeaders(
  raw: string[],
  options: { registry: string; proxy: string; ofUnknownLength: boolean },
): string[] {
  const dropped = new Set([...OF_CONNECTION, 'transfer-encoding']);
  if (options.ofUnknownLength) dropped.add('content-length');
  const kept = without(raw, dropped);
  return kept.map((value, at) =>
    at % 2 === 1 && kept[at - 1]?.toLowerCase() === 'location' ? relocated(value, options) : value,
  );
}

function relocated(location: string, { registry, proxy }: { registry: string; proxy: string }): string {
  return location.startsWith(`${registry}/`) ? proxy + location.slice(registry.length) : location;
}

function hasHeader(raw: string[], name: string): boolean {
  return raw.some((value, at) => at % 2 === 0 && value.toLowerCase() === name);
}

function without(raw: string[], names: Set<string>): string[] {
  return raw.filter((_, at) => !names.has((raw[at - (at % 2)] ?? '').toLowerCase()));
}
