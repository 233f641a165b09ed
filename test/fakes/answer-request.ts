import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { type Exchange, forward } from './exchange.ts';
import type { Fault } from './faults.ts';

/** What a redirect to the second origin lets its bearer read, as a signed URL does. */
export interface Ticket {
  authorization: string | undefined;
}

/** A request that has arrived; where it goes is not decided yet. */
export type Arrived = Omit<Exchange, 'path' | 'authorization'> & { tickets: Ticket[] };

/** Answers it in place of the registry where a fault says so, and lets the registry answer it otherwise. */
export async function answerRequest(arrived: Arrived, storageUrl: string): Promise<void> {
  const { faults, seen, tickets, request } = arrived;
  const { authorization } = request.headers;
  const instead = faults.find((fault) => fault.fault === 'answer');
  if (instead !== undefined) return answerInstead(arrived, instead);
  if (faults.some((fault) => fault.fault === 'redirect')) {
    const number = tickets.push({ authorization });
    const location = `${storageUrl}${seen.path}${seen.path.includes('?') ? '&' : '?'}ticket=${number}`;
    return answerInstead(arrived, { fault: 'redirect', status: 307, headers: { location } });
  }
  if (seen.origin === 'registry') return forward({ ...arrived, path: seen.path, authorization });
  const [, path, number] = /^(.*)[?&]ticket=(\d+)$/.exec(seen.path) ?? [];
  const ticket = tickets[Number(number) - 1];
  if (path === undefined || ticket === undefined) return answerInstead(arrived, { status: 403 });
  return forward({ ...arrived, path, authorization: ticket.authorization });
}

interface Instead {
  /** Left out: what the second origin answers by itself. */
  fault?: Fault['fault'];
  status: number;
  headers?: OutgoingHttpHeaders;
  body?: string | Uint8Array;
}

async function answerInstead({ request, response, seen }: Arrived, instead: Instead): Promise<void> {
  request.on('data', (chunk: Buffer) => (seen.requestBytes += chunk.length));
  await once(request, 'end').catch(() => {});
  const body = request.method === 'HEAD' ? '' : (instead.body ?? '');
  seen.status = instead.status;
  seen.answerBytes += Buffer.byteLength(body);
  if (instead.fault !== undefined) seen.faults.push(instead.fault);
  response.writeHead(instead.status, { 'content-length': Buffer.byteLength(body), ...instead.headers });
  response.end(body);
}
