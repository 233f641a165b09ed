import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Slot } from '../slots/slot.ts';
import type { Queue } from './queue.ts';

export interface Metrics {
  /** One infer request: what it was answered with, and how long it took. */
  request(labels: { model: string; version: string; code: number }, seconds: number): void;
  swap(model: string): void;
  /** Metrics in the Prometheus text format, or OpenMetrics 1.0 when it is asked for. */
  render(openMetrics: boolean): Promise<{ contentType: string; text: string }>;
}

/** Seconds: from a tree model on a good machine to the deadline. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The gateway's metrics, in registries of their own so that nothing else in the process adds to them. */
export function createMetrics(models: () => Iterable<{ slot: Slot; queue: Queue }>): Metrics {
  const plain = new Registry();
  const open = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [plain, open];

  const requests = new Counter({
    name: 'edgeloop_requests_total',
    help: 'Infer requests by model, version and HTTP status.',
    labelNames: ['model', 'version', 'code'],
    registers,
  });
  const duration = new Histogram({
    name: 'edgeloop_request_duration_seconds',
    help: 'Time from arrival of an infer request to its answer.',
    labelNames: ['model', 'version'],
    buckets: BUCKETS,
    registers,
  });
  const swaps = new Counter({
    name: 'edgeloop_swaps_total',
    help: 'Swaps of the version that answers.',
    labelNames: ['model'],
    registers,
  });
  liveGauges(models, registers);

  return {
    request({ model, version, code }, seconds) {
      requests.inc({ model, version, code });
      duration.observe({ model, version }, seconds);
    },
    swap: (model) => swaps.inc({ model }),
    async render(openMetrics) {
      const registry = openMetrics ? open : plain;
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** Gauges that are read from the slots when somebody asks. */
function liveGauges(
  models: () => Iterable<{ slot: Slot; queue: Queue }>,
  registers: (Registry | Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>)[],
): void {
  const gauges = [
    new Gauge({
      name: 'edgeloop_queue_depth',
      help: 'Requests that wait for a session host.',
      labelNames: ['model'],
      registers,
      collect() {
        this.reset();
        for (const { slot, queue } of models()) this.set({ model: slot.model }, queue.waiting());
      },
    }),
    new Gauge({
      name: 'edgeloop_model_info',
      help: 'Versions that are held, by role and digest; 1 when the session host is up.',
      labelNames: ['model', 'version', 'digest', 'role'],
      registers,
      collect() {
        this.reset();
        for (const { slot } of models()) {
          for (const [role, held] of Object.entries(slot.holdings())) {
            if (held === undefined) continue;
            const { version, digest, up } = held;
            this.set({ model: slot.model, version, digest, role }, up ? 1 : 0);
          }
        }
      },
    }),
    new Gauge({
      name: 'edgeloop_session_host_restarts',
      help: 'Restarts of the session host of a version since it was loaded.',
      labelNames: ['model', 'version'],
      registers,
      collect() {
        this.reset();
        for (const { slot } of models()) {
          for (const held of Object.values(slot.holdings())) {
            if (held !== undefined) this.set({ model: slot.model, version: held.version }, held.restarts);
          }
        }
      },
    }),
  ];
  for (const gauge of gauges) gauge.reset();
}
