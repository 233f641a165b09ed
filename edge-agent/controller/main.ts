import type { Authorization } from '../../src/oci/index.ts';
import { keepGarbageSmall } from '../../src/small-garbage.ts';
import { fromGateway, type FromController, errorMessage } from '../messages.ts';
import { createGatewayLink } from './gateway-link.ts';
import { startControllerIn } from './run.ts';

/**
 * Runs the controller in this process: it decides what should run and does all network, disk and hashing, so that the
 * gateway never waits for them. It lives and dies with the gateway that started it. `authorize` says who we are to a
 * registry host.
 */
export function runController(authorize: (host: string) => Authorization): void {
  keepGarbageSmall();
  const link = createGatewayLink(post);
  let running: ReturnType<typeof startControllerIn> | undefined;

  async function end(exitCode: number): Promise<void> {
    const controller = await running?.catch(() => undefined);
    controller?.close();
    process.exit(exitCode);
  }

  // A terminal's Ctrl-C and a service manager's stop reach the whole group; when to end is the gateway's decision.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (raw: unknown) => {
    const message = fromGateway.parse(raw);
    switch (message.kind) {
      case 'start':
        running = startControllerIn(message.settings, link, authorize);
        running.then(
          () => post({ kind: 'started' }),
          (error: unknown) => {
            post({ kind: 'failed', error: errorMessage(error) });
            process.exitCode = 1;
            process.disconnect();
          },
        );
        break;
      case 'result':
      case 'refused':
        link.settle(message);
        break;
      case 'fault':
        void running?.then((controller) => controller.fault(message.model, message));
        break;
      case 'end':
        void end(0);
        break;
    }
  });
}

function post(message: FromController): void {
  if (process.connected) process.send?.(message);
}
