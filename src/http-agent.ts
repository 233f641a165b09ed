import type { Agent } from 'node:http';
import { misuse } from './errors.ts';

type Protocol = 'http:' | 'https:';

/** As in Node's own global agent: an idle connection is dropped before most servers drop it. */
const IDLE_MS = 5000;
// Kept for the process, as Node's global agents are: a connection is of use only when the next request finds it.
const proxied = new Map<Protocol, Agent>();

/**
 * The agent for a URL: one that goes through `HTTPS_PROXY` or `HTTP_PROXY` unless `NO_PROXY` names the host, or
 * `undefined` for Node's own, which connects directly. Loopback addresses are never sent to a proxy. Throws the misuse
 * `proxy-invalid`.
 */
export function agentFor(url: URL): Agent | undefined {
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
  if (proxySettingFor(url.href) === undefined) return undefined;
  const agent = proxied.get(protocol) ?? proxyAgent(protocol);
  proxied.set(protocol, agent);
  return agent;
}

/** The variable that names a proxy for a URL, and the proxy as it may be shown; throws as `agentFor` does. */
export function proxySettingFor(place: string): { name: string; shown: string } | undefined {
  const url = URL.parse(place);
  if (url === null || isLoopback(url.hostname)) return undefined;
  const lower = `${url.protocol.slice(0, -1)}_proxy`;
  // Of both, Node takes the lower case one.
  const name = [lower, lower.toUpperCase()].find((each) => process.env[each]);
  if (name === undefined) return undefined;
  const proxy = URL.parse(process.env[name] ?? '');
  // Node would connect directly, which nobody wants who has set it.
  if (proxy?.protocol !== 'http:' && proxy?.protocol !== 'https:')
    throw misuse(
      'proxy-invalid',
      `what ${name} holds is not the URL of an HTTP proxy`,
      'Write http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host where it asks for one.',
    );
  return { name, shown: `${proxy.protocol}//${proxy.host}` };
}

/** True for a host name that only this machine answers to. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

function proxyAgent(protocol: Protocol): Agent {
  const client = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
  return new client.Agent({ keepAlive: true, timeout: IDLE_MS, proxyEnv: process.env });
}
