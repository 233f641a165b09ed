import { Agent, request } from 'node:http';
import { z } from 'zod';
import { messageOf } from '../../errors.ts';

/** One request of the load. Times in milliseconds, as `performance.now()` gives them. */
export interface Sample {
  /** When it was due: what a queue in front of it costs is part of its latency. */
  due: number;
  latency: number;
  /** The version that answered. */
  version?: string;
  /** Why the answer does not count. */
  failure?: string;
}

/** By version: what its own model file says about each row. Told before that version can serve. */
export type Expected = ReadonlyMap<string, Float64Array>;

export interface Load {
  /** In the order in which the answers came. */
  readonly samples: readonly Sample[];
  /** Resolves when an answer of this version has come; rejects with the reason of the signal. */
  seen(version: string, signal: AbortSignal): Promise<Sample>;
  /** Sends no more, and waits for the answers under way. */
  stop(): Promise<void>;
}

const answerSchema = z.object({
  model_version: z.string(),
  outputs: z.array(z.object({ name: z.string(), shape: z.array(z.int()), data: z.array(z.number()) })),
});

const TICK_MS = 2;
const TIMEOUT_MS = 10_000;
const IDLE_MS = 1500;
const TOLERANCE = 1e-6;

/**
 * Sends rows at a fixed rate whether or not answers come (an open loop), each body in turn, and checks every answer:
 * status, version, and the probability of class 1 against that version's own.
 */
export function startLoad(
  url: string,
  bodies: readonly string[],
  ratePerSecond: number,
  expected: Expected,
): Load {
  // Idle connections are closed here first: one that the agent is just closing would look like a dropped request.
  const agent = new Agent({ keepAlive: true, maxSockets: 128, timeout: IDLE_MS });
  const samples: Sample[] = [];
  const waiting = new Set<{ version: string; resolve: (sample: Sample) => void }>();
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  const dueAt = (n: number) => began + (n * 1000) / ratePerSecond;
  let sent = 0;

  const send = async (row: number, due: number) => {
    const result = await ask(agent, url, bodies[row] ?? '')
      .then((answer) => check(answer, expected, row))
      .catch((error: unknown) => ({ failure: messageOf(error) }));
    const sample = { due, latency: performance.now() - due, ...result };
    samples.push(sample);
    for (const waiter of waiting) {
      if (!('version' in sample) || sample.version !== waiter.version) continue;
      waiting.delete(waiter);
      waiter.resolve(sample);
    }
  };
  const timer = setInterval(() => {
    for (let due = dueAt(sent); due <= performance.now(); due = dueAt(sent)) {
      const one = send(sent % bodies.length, due).finally(() => underWay.delete(one));
      underWay.add(one);
      sent += 1;
    }
  }, TICK_MS);

  return {
    samples,
    seen(version, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Sample>();
      const cancel = () => reject(signal.reason);
      const waiter = { version, resolve };
      waiting.add(waiter);
      if (signal.aborted) cancel();
      signal.addEventListener('abort', cancel, { once: true });
      return promise.finally(() => {
        waiting.delete(waiter);
        signal.removeEventListener('abort', cancel);
      });
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      agent.destroy();
    },
  };
}

function ask(agent: Agent, url: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sending = request(url, { agent, method: 'POST', headers, timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    sending.on('timeout', () => sending.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
    sending.on('error', reject);
    sending.end(body);
  });
}

function check(
  answer: { status: number; text: string },
  expected: Expected,
  row: number,
): { version?: string; failure?: string } {
  if (answer.status !== 200) return { failure: `status ${answer.status}: ${answer.text.slice(0, 200)}` };
  const parsed = answerSchema.safeParse(JSON.parse(answer.text));
  if (!parsed.success) return { failure: `not an answer: ${answer.text.slice(0, 200)}` };
  const version = parsed.data.model_version;
  const probability = parsed.data.outputs.find(({ name }) => name === 'probabilities')?.data[1];
  const own = expected.get(version)?.[row];
  if (own === undefined)
    return { version, failure: `version ${version} answered, which was never rolled out` };
  if (probability === undefined || !(Math.abs(probability - own) <= TOLERANCE)) {
    return { version, failure: `row ${row}: ${version} answered ${probability}, its model says ${own}` };
  }
  return { version };
}
