import { validRange } from 'semver';
import { messageOf, misuse } from '../../src/errors.ts';
import { type Authorization, openRegistry } from '../../src/oci/index.ts';
import type { AgentSettings, Log } from '../settings.ts';
import { bootModel } from './boot.ts';
import { type Context, report, stateOfModel } from './context.ts';
import { startControl } from './control.ts';
import type { GatewayLink } from './gateway-link.ts';
import { openJournal } from './journal.ts';
import { startPolling } from './polling.ts';
import { judgeFault } from './probation.ts';
import { reconcile } from './reconcile.ts';
import { rollBack } from './rollback.ts';
import { lockState } from './state-lock.ts';
import { modelReport } from './status.ts';

export interface Controller {
  fault(model: string, fault: { digest: string; faults: number; reason: string }): void;
  close(): void;
}

/**
 * Starts the controller for a gateway: takes the state folder, reads the journal, brings back what was serving, and
 * follows the channel. Resolves before the first poll has ended.
 */
export async function startControllerIn(
  settings: AgentSettings,
  gateway: GatewayLink,
  authorize: (host: string) => Authorization,
): Promise<Controller> {
  checkRanges(settings);
  const registry = openRegistry(settings.registry, { authorize });
  // Also refuses names that are none, before one becomes a path.
  for (const model of Object.keys(settings.models)) registry.repository(model);
  await lockState(settings.state, process.ppid);
  const log: Log = (level, message, fields = {}) => gateway.notify({ kind: 'log', level, message, fields });
  const journal = openJournal(settings.state, {
    now,
    onDamage: (line, copy) =>
      log('error', `the journal was damaged at line ${line}; what follows it is only in ${copy}`, {
        line,
        copy,
      }),
    onNotCompacted: (error) =>
      log('warn', `the journal was not compacted: ${messageOf(error)}; it goes on as long as it is`),
  });
  const context: Context = {
    settings,
    journal,
    gateway,
    registry,
    log,
    now,
    problems: new Map(),
    probations: new Map(),
    changed: reporter(() => publish(context)),
  };
  const models = Object.keys(settings.models);
  const holdings = await gateway.call('holdings', {});
  const booted = models.map((model) =>
    bootModel(context, model, holdings[model] ?? {}).catch((error: unknown) => report(context, model, error)),
  );
  // A model that boots slowly must not keep the others from being followed.
  const polling = startPolling(settings.pollMs, () =>
    Promise.all(
      models.map((model, index) =>
        (booted[index] ?? Promise.resolve()).then(() => reconcile(context, model)),
      ),
    ),
  );
  const control = await startControl(settings.state, {
    status: async () => ({ models: await publishAndWait(context) }),
    poll: async () => {
      const outcomes = await polling.poll();
      await publishAndWait(context);
      return { models: outcomes };
    },
    rollback: async (model) => {
      const outcome = await rollBack(context, model);
      await publishAndWait(context);
      return outcome;
    },
  });
  return {
    fault(model, fault) {
      void judgeFault(context, model, fault);
      context.changed();
    },
    close() {
      polling.stop();
      control.close();
      control.closeAllConnections();
      journal.close();
    },
  };
}

const now = () => new Date();

function checkRanges({ models }: AgentSettings): void {
  for (const [model, { accept }] of Object.entries(models)) {
    if (accept === undefined || validRange(accept) !== null) continue;
    throw misuse(
      'accept-invalid',
      `"${accept}" is not a semver range (models.${model}.accept)`,
      'Write a range such as ^1.2.0.',
    );
  }
}

/** Asks the gateway what it holds, and tells it what `/edgeloop/status` shows. */
async function publish(context: Context) {
  const { settings, gateway, problems } = context;
  const holdings = await gateway.call('holdings', {});
  const models = Object.keys(settings.models).map((name) =>
    modelReport(name, settings.channel, stateOfModel(context, name), holdings[name], problems.get(name)),
  );
  gateway.notify({ kind: 'report', models });
  return models;
}

/** Whoever is answered here finds the same in `/edgeloop/status`: the gateway has read the report when it replies. */
async function publishAndWait(context: Context) {
  const models = await publish(context);
  await context.gateway.call('holdings', {});
  return models;
}

/** Several changes in one turn are one report. */
function reporter(publishNow: () => Promise<unknown>): () => void {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      void publishNow();
    });
  };
}
