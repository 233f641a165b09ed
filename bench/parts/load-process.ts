/*
 * The clients of the agent, in a process of their own so that nothing else that a benchmark does delays a request. Each
 * answer is compared with the bytes that the version which gave it must give.
 */
import { answerParent } from './answer-parent.ts';
import { type Connection, openConnection, postBytes } from './connection.ts';
import type { LoadTarget, Samples } from './load.ts';
import { sharedNow } from './statistics.ts';

type Message =
  | { kind: 'target'; target: LoadTarget }
  | { kind: 'closed'; clients: number; seconds: number }
  | { kind: 'begin'; ratePerSecond: number }
  | { kind: 'end' };

interface Recorder {
  /** Sends a row and records what came; `due` is when it should have been sent. */
  send(connection: Connection, row: number, due: number): Promise<void>;
  readonly samples: Samples;
}

const FAILED = -1;
const KEPT_FAILURES = 5;

function record({ host, path, bodies, answers }: LoadTarget): Recorder {
  const requests = bodies.map((body) => postBytes(host, path, body));
  const expected = answers.map((rows) => rows.map((row) => Buffer.from(row)));
  const samples: Samples = { due: [], sent: [], answered: [], version: [], failures: [] };
  return {
    samples,
    async send(connection, row, due) {
      const sent = sharedNow();
      let version = FAILED;
      try {
        const { status, body } = await connection.ask(requests[row] ?? Buffer.alloc(0));
        if (status === 200) version = expected.findIndex((rows) => rows[row]?.equals(body));
        if (version === FAILED) throw new Error(`row ${row}: ${status} ${body.toString().slice(0, 200)}`);
      } catch (error) {
        if (samples.failures.length < KEPT_FAILURES) samples.failures.push(String(error));
      }
      samples.due.push(due);
      samples.sent.push(sent);
      samples.answered.push(sharedNow());
      samples.version.push(version);
    },
  };
}

/** Each client sends its next request when its last one was answered. */
async function closedLoop(target: LoadTarget, clients: number, seconds: number): Promise<object> {
  const connections = await Promise.all(
    Array.from({ length: clients }, () => openConnection(target.host, target.port)),
  );
  const { send, samples } = record(target);
  const cpuBefore = process.cpuUsage();
  const began = sharedNow();
  let sent = 0;
  await Promise.all(
    connections.map(async (connection) => {
      for (let now = began; now - began < seconds * 1000; now = sharedNow()) {
        sent += 1;
        await send(connection, sent % target.bodies.length, now);
      }
      connection.close();
    }),
  );
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ...samples, seconds: (sharedNow() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** The one that was idle longest, so that none is idle for so long that the server closes it. */
function takeOpen(idle: Connection[]): Connection | undefined {
  for (;;) {
    const connection = idle.shift();
    if (connection === undefined || connection.open()) return connection;
  }
}

/** Sends at a fixed rate whether or not answers come; a request takes a connection that is idle, or a new one. */
function openLoop(target: LoadTarget, ratePerSecond: number): { end(): Promise<Samples> } {
  const { send, samples } = record(target);
  const idle: Connection[] = [];
  const underWay = new Set<Promise<void>>();
  const began = sharedNow();
  let count = 0;
  const one = async (row: number, due: number) => {
    const connection = takeOpen(idle) ?? (await openConnection(target.host, target.port));
    await send(connection, row, due);
    idle.push(connection);
  };
  const timer = setInterval(() => {
    for (;;) {
      const due = began + (count * 1000) / ratePerSecond;
      if (due > sharedNow()) return;
      const sending = one(count % target.bodies.length, due).finally(() => underWay.delete(sending));
      underWay.add(sending);
      count += 1;
    }
  }, 1);
  return {
    async end() {
      clearInterval(timer);
      await Promise.all(underWay);
      for (const connection of idle) connection.close();
      return samples;
    },
  };
}

function serve(): void {
  let target: LoadTarget | undefined;
  let running: { end(): Promise<Samples> } | undefined;
  answerParent(async (message) => {
    const asked = message as Message;
    if (asked.kind === 'target') {
      target = asked.target;
      return undefined;
    }
    if (target === undefined) throw new Error('no target was named');
    switch (asked.kind) {
      case 'closed':
        return closedLoop(target, asked.clients, asked.seconds);
      case 'begin':
        running = openLoop(target, asked.ratePerSecond);
        return undefined;
      case 'end':
        return running?.end();
    }
  });
}

serve();
