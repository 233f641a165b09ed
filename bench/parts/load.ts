import { z } from 'zod';
import { startChild } from './child.ts';

export interface LoadTarget {
  host: string;
  port: number;
  path: string;
  /** Bodies of requests, sent in turn. */
  bodies: string[];
  /** For each version the body of its answer to each row. */
  answers: string[][];
}

const samplesSchema = z.object({
  /** Milliseconds on the shared clock: when it was due, sent and answered. */
  due: z.array(z.number()),
  sent: z.array(z.number()),
  answered: z.array(z.number()),
  /** Index of the version whose answer it was; -1 for a request that failed. */
  version: z.array(z.int()),
  /** Why the first few failed. */
  failures: z.array(z.string()),
});
const closedSchema = samplesSchema.extend({ seconds: z.number(), cpuSeconds: z.number() });

/** One entry per request in each list, in the order of the answers. */
export type Samples = z.infer<typeof samplesSchema>;
export type ClosedSamples = z.infer<typeof closedSchema>;

/** Clients in a process of their own. */
export interface Load extends AsyncDisposable {
  aimAt(target: LoadTarget): Promise<void>;
  /** So many clients at once, each with one request at a time. */
  closed(clients: number, seconds: number): Promise<ClosedSamples>;
  /** Sends at a fixed rate from now until `end`. */
  begin(ratePerSecond: number): Promise<void>;
  end(): Promise<Samples>;
}

export async function startLoad(): Promise<Load> {
  const child = await startChild([`${import.meta.dirname}/load-process.ts`], process.cwd());
  return {
    aimAt: async (target) => void (await child.ask(z.unknown(), { kind: 'target', target })),
    closed: (clients, seconds) => child.ask(closedSchema, { kind: 'closed', clients, seconds }),
    begin: async (ratePerSecond) => void (await child.ask(z.unknown(), { kind: 'begin', ratePerSecond })),
    end: () => child.ask(samplesSchema, { kind: 'end' }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Number of requests that failed, and a line for each of the first few. */
export function failuresOf({ version, failures }: Samples): { failed: number; reasons: string[] } {
  return { failed: version.filter((index) => index === -1).length, reasons: failures };
}

/** Latencies from the moment at which a request was due, milliseconds. */
export const latenciesOf = ({ due, answered }: Samples): number[] =>
  answered.map((at, index) => at - (due[index] ?? at));
