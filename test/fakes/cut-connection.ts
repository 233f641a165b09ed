import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST_WAIT_MS = 5_000;

/**
 * Resets a connection after everything that was sent on it has arrived: a reset throws away what the kernel still
 * holds, and a test that cuts at byte n could not tell how many came. Only Linux says so; elsewhere it resets at once.
 */
export async function cutConnection(socket: Socket): Promise<void> {
  const limit = performance.now() + LONGEST_WAIT_MS;
  while (!socket.destroyed && (await unsentBytes(socket)) > 0 && performance.now() < limit) await sleep(2);
  socket.resetAndDestroy();
}

/** The `tx_queue` of proc_net_tcp: what the other side's kernel has not acknowledged. */
async function unsentBytes(socket: Socket): Promise<number> {
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => '');
  const ends = new RegExp(`:${hex(socket.localPort)} \\w+:${hex(socket.remotePort)} \\w\\w (\\w{8}):`).exec(
    table,
  );
  return Number.parseInt(ends?.[1] ?? '0', 16);
}

function hex(port = 0): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
