import { type Agent, agentCpu, startAgent } from './parts/agent.ts';
import { type Bare, bareProgram, startBare } from './parts/bare.ts';
import type { Benchmark, Run, Table } from './parts/benchmark.ts';
import { moveChannel } from './parts/channel.ts';
import { churnBodies, prepareChurn, registryOf, type Release, releaseChurn } from './parts/churn-project.ts';
import { failuresOf, latenciesOf, type Load, startLoad } from './parts/load.ts';
import { matrixBodies, releaseMatrix } from './parts/matrix-model.ts';
import { referenceAnswers } from './parts/reference.ts';
import { median, percentile } from './parts/statistics.ts';

const BUDGET = 0.9;
const CLIENTS = [1, 2, 4, 8, 32];
const ROWS = 200;

type Numbers = { pairs: number; seconds: number };

/** One of the pairs: bare ONNX Runtime and the agent, one right after the other. */
interface Pair {
  bare: Awaited<ReturnType<Bare['run']>>;
  agent: { perSecond: number; p50Ms: number; p99Ms: number };
  /** Processor milliseconds per request. */
  cpuMs: { gateway: number; host: number; client: number };
  requests: number;
  failed: number;
  reasons: string[];
}

interface Line {
  clients: number;
  requests: number;
  failed: number;
  agentPerSecond: number;
  barePerSecond: number;
  ratio: number;
  p50Ms: number;
  p99Ms: number;
  cpuMs: { gateway: number; host: number; client: number; bare: number };
}

interface Contest {
  model: string;
  /** One run in bare ONNX Runtime. */
  bareP50Ms: number;
  bareP99Ms: number;
  lines: Line[];
  wrong: string[];
}

/** Throughput of the agent over HTTP against the same model in a loop of bare onnxruntime-node. */
export default {
  about: 'requests per second of the agent against bare onnxruntime-node, 1 to 32 clients',
  defaults: { pairs: 5, seconds: 0.6 },
  async measure(run: Run, numbers: Numbers) {
    run.progress('training and releasing the churn model');
    const project = await prepareChurn(run);
    const registry = registryOf(project);
    const releases = {
      churn: await releaseChurn(run, project),
      matrix: await releaseMatrix(registry, run.scratch),
    };
    for (const [model, release] of Object.entries(releases)) await moveChannel(registry, model, release);
    const agent = await startAgent(run, registry, Object.keys(releases));
    const bodies = {
      churn: (await churnBodies(agent.url, project)).slice(0, ROWS),
      matrix: matrixBodies(ROWS),
    };
    const contests = [
      await contest(run, agent, 'churn', releases.churn, bodies.churn, numbers),
      await contest(run, agent, 'matrix', releases.matrix, bodies.matrix, numbers),
    ];
    await agent.end();
    return {
      tables: contests.map(tableOf),
      notes: [
        `Closed loop, kept-alive connections, JSON, every answer checked; medians of ${numbers.pairs} interleaved pairs of ${numbers.seconds} s.`,
        'Bare: one process, one session with the same options, inputs made beforehand, nothing sent anywhere.',
        'The clients share the processors with the agent; "client" is what they take of them.',
      ],
      json: { contests },
      wrong: contests.flatMap(({ wrong }) => wrong),
    };
  },
} satisfies Benchmark;

async function contest(
  run: Run,
  agent: Agent,
  model: string,
  release: Release,
  bodies: string[],
  { pairs, seconds }: Numbers,
): Promise<Contest> {
  await using bare = await startBare(await bareProgram(), { modelFile: release.modelFile, bodies });
  await using load = await startLoad();
  const { host, port } = agent;
  const path = `/v2/models/${model}/infer`;
  const reference = await referenceAnswers(
    { host, port, path, bodies },
    release.version,
    await bare.outputs(),
  );
  await load.aimAt({ host, port, path, bodies, answers: [reference.answers] });
  // Both have compiled what they run often before it counts.
  await load.closed(4, 1);
  await bare.run(0.5);
  const lines: Line[] = [];
  const all: Pair[] = [];
  for (const clients of CLIENTS) {
    run.progress(`${model}: ${clients} clients`);
    const measured: Pair[] = [];
    for (let round = 0; round < pairs; round += 1) {
      measured.push(await pair(agent, bare, load, { clients, seconds, bareFirst: round % 2 === 0 }));
    }
    all.push(...measured);
    lines.push(lineOf(clients, measured));
  }
  return {
    model,
    bareP50Ms: median(all.map((each) => each.bare.p50Ms)),
    bareP99Ms: median(all.map((each) => each.bare.p99Ms)),
    lines,
    wrong: [...reference.wrong, ...all.flatMap(({ reasons }) => reasons)].slice(0, 10),
  };
}

async function pair(
  agent: Agent,
  bare: Bare,
  load: Load,
  { clients, seconds, bareFirst }: { clients: number; seconds: number; bareFirst: boolean },
): Promise<Pair> {
  const before = bareFirst ? await bare.run(seconds) : undefined;
  const cpuBefore = await agentCpu(agent);
  const samples = await load.closed(clients, seconds);
  const cpuAfter = await agentCpu(agent);
  const requests = samples.version.length;
  const latencies = latenciesOf(samples);
  const each = (cpuSeconds: number) => (cpuSeconds * 1000) / requests;
  return {
    bare: before ?? (await bare.run(seconds)),
    agent: {
      perSecond: requests / samples.seconds,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
    },
    cpuMs: {
      gateway: each(cpuAfter.gateway - cpuBefore.gateway),
      host: each(cpuAfter.hosts - cpuBefore.hosts),
      client: each(samples.cpuSeconds),
    },
    requests,
    ...failuresOf(samples),
  };
}

function lineOf(clients: number, pairs: readonly Pair[]): Line {
  const middle = (pick: (each: Pair) => number) => median(pairs.map(pick));
  const barePerSecond = ({ bare }: Pair) => bare.runs / bare.seconds;
  return {
    clients,
    requests: pairs.reduce((sum, { requests }) => sum + requests, 0),
    failed: pairs.reduce((sum, { failed }) => sum + failed, 0),
    agentPerSecond: middle(({ agent }) => agent.perSecond),
    barePerSecond: middle(barePerSecond),
    ratio: middle((each) => each.agent.perSecond / barePerSecond(each)),
    p50Ms: middle(({ agent }) => agent.p50Ms),
    p99Ms: middle(({ agent }) => agent.p99Ms),
    cpuMs: {
      gateway: middle(({ cpuMs }) => cpuMs.gateway),
      host: middle(({ cpuMs }) => cpuMs.host),
      client: middle(({ cpuMs }) => cpuMs.client),
      bare: middle(({ bare }) => (bare.cpuSeconds * 1000) / bare.runs),
    },
  };
}

function tableOf({ model, bareP50Ms, bareP99Ms, lines }: Contest): Table {
  const best = Math.max(...lines.map(({ ratio }) => ratio));
  const budget =
    bareP50Ms < 1
      ? 'no budget below 1 ms a run'
      : `budget >= ${BUDGET} x bare: ${best >= BUDGET ? 'held' : 'MISSED'} (best ${best.toFixed(3)})`;
  const head = ['requests/s', 'bare runs/s', 'ratio', 'p50 ms', 'p99 ms', 'failed'];
  const cpu = ['gateway', 'host', 'client', 'bare'] as const;
  return {
    title: `${model}: a bare run takes ${bareP50Ms.toFixed(3)} ms (p99 ${bareP99Ms.toFixed(3)}); ${budget}`,
    head: ['clients', ...head, ...cpu.map((name) => `CPU ms: ${name}`)],
    rows: lines.map((line) => [
      String(line.clients),
      line.agentPerSecond.toFixed(0),
      line.barePerSecond.toFixed(0),
      line.ratio.toFixed(3),
      line.p50Ms.toFixed(2),
      line.p99Ms.toFixed(2),
      `${line.failed} of ${line.requests}`,
      ...cpu.map((name) => line.cpuMs[name].toFixed(3)),
    ]),
  };
}
