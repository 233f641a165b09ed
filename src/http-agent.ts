import type { Agent } from 'node:http';

type Protocol = 'http:' | 'https:';

/** As in Node's own global agent: an idle connection is dropped before most servers drop it. */
const IDLE_MS = 5000;
// Kept for the process, as Node's global agents are: a connection is of use only when the next request finds it.
const proxied = new Map<Protocol, Agent>();

/**
 * The agent for a URL: one that goes through `HTTPS_PROXY` or `HTTP_PROXY` unless `NO_PROXY` names the host, or
 * `undefined` for Node's own, which connects directly. Loopback addresses are never sent to a proxy.
 */
export function agentFor(url: URL): Agent | undefined {
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
  const name = `${protocol.slice(0, -1)}_proxy`;
  const isSet = process.env[name] !== undefined || process.env[name.toUpperCase()] !== undefined;
  if (!isSet || isLoopback(url.hostname)) return undefined;
  const agent = proxied.get(protocol) ?? proxyAgent(protocol);
  proxied.set(protocol, agent);
  return agent;
}

/** True for a host name that only this machine answers to. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

function proxyAgent(protocol: Protocol): Agent {
  const client = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
  return new client.Agent({ keepAlive: true, timeout: IDLE_MS, proxyEnv: process.env });
}
