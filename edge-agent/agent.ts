import { type EdgeloopError, failure, messageOf } from '../src/errors.ts';
import { startSession } from '../src/onnx/index.ts';
import { type ControllerProcess, type Handlers, startController } from './gateway/controller-process.ts';
import { type ServedModel, startHttpServer } from './gateway/http-server.ts';
import { createMetrics, type Metrics } from './gateway/metrics.ts';
import { createQueue } from './gateway/queue.ts';
import type { ModelReport } from './messages.ts';
import type { AgentSettings, Log } from './settings.ts';
import { holdVersion } from './slots/held-version.ts';
import { createSlot, type Slot } from './slots/slot.ts';

export type { AgentSettings, Log, LogLevel } from './settings.ts';

export interface AgentDeps {
  log: Log;
  /** Called once, when every configured model answers. */
  onReady(ready: { url: string; models: { name: string; version: string }[] }): void;
  /** Ends the agent in order. */
  signal: AbortSignal;
  /** Version of this program, for `GET /v2`. */
  programVersion: string;
}

const GRACE_MS = 5_000;

/**
 * Runs the agent until `signal` fires: gateway in this process, the controller and a session host per version as
 * children. Resolves when all have ended; rejects with `port-in-use`, `state-in-use`, `state-not-writable`,
 * `registry-unsupported` and others when it cannot start.
 */
export async function runAgent(settings: AgentSettings, deps: AgentDeps): Promise<void> {
  let reports: ModelReport[] = [];
  let controller: ControllerProcess | undefined;
  let started = false;
  let ready = false;
  const models = new Map<string, ServedModel>();
  const metrics = createMetrics(() => models.values());
  const announce = () => {
    if (ready || !started || ![...models.values()].every(({ slot }) => slot.ready())) return;
    ready = true;
    const named = [...models].map(([name, { slot }]) => ({ name, version: slot.find()?.spec.version ?? '' }));
    deps.onReady({ url: server.url, models: named });
  };
  for (const name of Object.keys(settings.models)) {
    models.set(
      name,
      serveModel(name, {
        log: deps.log,
        metrics,
        onChange: () => queueMicrotask(announce),
        controller: () => controller,
      }),
    );
  }
  const status = () => ({
    models: reports.map((report) => withLiveFacts(report, models.get(report.name)?.slot)),
    controller: { pid: controller?.pid() ?? null },
    gateway: { pid: process.pid, version: deps.programVersion },
  });
  const { log, programVersion } = deps;
  const server = await startHttpServer(settings.http, { models, metrics, programVersion, status, log });
  try {
    controller = startController({
      settings,
      log,
      handlers: handlersFor(models),
      onReport: (latest) => {
        reports = latest;
      },
    });
    const cancelled = aborted(deps.signal);
    await Promise.race([controller.started, cancelled]);
    started = true;
    announce();
    await cancelled;
  } finally {
    // Requests in flight need their hosts: the server first, then the hosts, and the controller beside both.
    const end = controller?.end(GRACE_MS);
    await server.close(GRACE_MS);
    await Promise.all([...models.values()].map(({ slot }) => slot.close()));
    await end;
  }
}

function serveModel(
  name: string,
  deps: { log: Log; metrics: Metrics; onChange(): void; controller(): ControllerProcess | undefined },
): ServedModel {
  const onChange = () => {
    queue.pump();
    deps.onChange();
  };
  const slot = createSlot(name, {
    onChange,
    onSwap: ({ spec: { version, digest } }) => {
      deps.metrics.swap(name);
      deps.log('info', `${name} is answered by ${version}`, { model: name, version, digest });
    },
    onCloseFailed: ({ spec: { version, digest } }, error) =>
      deps.log('warn', `the session host of ${name} ${version} did not end well: ${messageOf(error)}`, {
        digest,
      }),
    hold: (spec) =>
      holdVersion(spec, {
        startSession,
        log: deps.log,
        onChange,
        onFault(held, reason) {
          const { digest, version } = spec;
          const { faults } = held.report();
          // After a few the controller has decided; a model that fails always must not flood it.
          if (faults > 10) return;
          deps.log('warn', `${name} ${version}: ${reason}`, { model: name, version, digest, faults });
          deps.controller()?.fault({ model: name, digest, faults, reason });
        },
      }),
  });
  const queue = createQueue(slot);
  return { slot, queue };
}

function handlersFor(models: ReadonlyMap<string, ServedModel>): Handlers {
  const slotOf = (model: string) => {
    const served = models.get(model);
    if (served === undefined) throw new Error(`the controller named an unknown model "${model}"`);
    return served.slot;
  };
  return {
    holdings: () =>
      Promise.resolve(Object.fromEntries([...models].map(([name, { slot }]) => [name, slot.holdings()]))),
    async load(spec) {
      const { info } = await slotOf(spec.model).load(spec);
      const { inputs, outputs } = info.modelSignature;
      return { signature: { inputs, outputs }, loadMs: info.loadMs, provider: info.provider };
    },
    async run({ model, digest, inputs }) {
      const held = slotOf(model).held(digest);
      if (held === undefined) throw notHeld(model, digest);
      const began = performance.now();
      const outputs = await held.run(inputs);
      return { outputs, ms: performance.now() - began };
    },
    arrange: async ({ model, ...roles }) => slotOf(model).arrange(roles),
  };
}

/** The controller's last report with what the gateway knows better. */
function withLiveFacts(report: ModelReport, slot: Slot | undefined): ModelReport {
  const held = report.digest === null ? undefined : slot?.held(report.digest)?.report();
  return held === undefined ? report : { ...report, provider: held.provider, restarts: held.restarts };
}

function notHeld(model: string, digest: string): EdgeloopError {
  return failure('version-not-loaded', `"${model}" has no session host for ${digest}`, 'Nothing to do.');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
