import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { controlRequest } from '../edge-agent/controller/control-client.ts';
import { type Agent, startAgent } from './parts/agent.ts';
import { bareProgram, startBare } from './parts/bare.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { moveChannel } from './parts/channel.ts';
import {
  changeTrees,
  churnBodies,
  prepareChurn,
  registryOf,
  type Release,
  releaseChurn,
  secondPartArrives,
} from './parts/churn-project.ts';
import { failuresOf, type Load, startLoad } from './parts/load.ts';
import { memoryNow } from './parts/memories.ts';
import { PROGRAM } from './parts/program.ts';
import { referenceAnswers } from './parts/reference.ts';
import { median, sharedNow } from './parts/statistics.ts';
import {
  AFTER_MS,
  type Disturbance,
  type Rollback,
  type Span,
  type Swap,
  swapReport,
} from './parts/swap-report.ts';

const ROWS = 200;
/** Clients that find the maximum: enough to keep gateway and session host busy. */
const CLIENTS = 8;
const STEADY_MS = 650;
const ROLLBACKS = 5;
/** A start of the peer after every so many swaps. */
const PEER_EVERY = 4;
/** Nice value of a session host while it loads. */
const PEER_NICE = 10;

const pollSchema = z.object({
  models: z.array(
    z.object({ outcome: z.string(), reason: z.string().optional(), swapMs: z.number().optional() }),
  ),
});
const rollbackSchema = z.object({
  rollback: z.object({ to: z.object({ version: z.string() }), rollbackMs: z.number() }),
});

/** A device, its channel, and the three releases that it goes around. */
interface Stage {
  run: Run;
  agent: Agent;
  registry: string;
  releases: readonly Release[];
  /** The peer's program. */
  program: string;
  /** What did not do what it says. */
  wrong: string[];
}

/** Swaps under half of the maximum load: failed requests, latency around them, flip, rollback, memory. */
export default {
  about: 'swaps between releases at half load: failures, latency around them, flip, rollback and memory',
  defaults: { swaps: 40 },
  async measure(run: Run, { swaps: count }: { swaps: number }) {
    run.progress('training and releasing three versions of the churn model');
    const project = await prepareChurn(run);
    const releases = await releaseThree(run, project);
    const registry = registryOf(project);
    await moveChannel(registry, 'churn', releases[0]);
    const agent = await startAgent(run, registry, ['churn']);
    const stage: Stage = { run, agent, registry, releases, program: await bareProgram(), wrong: [] };
    const bodies = (await churnBodies(agent.url, project)).slice(0, ROWS);
    await using clients = await startLoad();
    await aim(stage, clients, bodies);
    const maximum = await maximumOf(run, clients);
    const rate = Math.floor(maximum / 2);
    const facts = await underLoad(stage, clients, { rate, count, bodies: bodies.slice(0, 1) });
    await agent.end();
    const { failed, reasons } = failuresOf(facts.samples);
    return { ...swapReport({ ...facts, maximum, rate, failed }), wrong: [...stage.wrong, ...reasons] };
  },
} satisfies Benchmark;

async function underLoad(
  stage: Stage,
  clients: Load,
  { rate, count, bodies }: { rate: number; count: number; bodies: string[] },
) {
  const { run, agent, program, releases } = stage;
  const peer = { modelFile: releases[0]?.modelFile ?? '', bodies };
  await using bare = await startBare(program, peer);
  // What a host has served before its memory is read, its peer has run too.
  await bare.run(2);
  run.progress(`open loop of ${rate} requests per second, half of the maximum; ${count} swaps`);
  await clients.begin(rate);
  await sleep(2000);
  const before = await memoryNow(agent, bare.pid);
  const { swaps, peers } = await swapMany(stage, count, () => startPeer(program, peer));
  await sleep(1000);
  const after = await memoryNow(agent, bare.pid);
  run.progress(`${ROLLBACKS} rollbacks`);
  const rollbacks = await rollBackMany(stage);
  await sleep(AFTER_MS);
  return { samples: await clients.end(), swaps, peers, rollbacks, memory: { before, after } };
}

type Three = [Release, Release, Release];

async function releaseThree(run: Run, project: string): Promise<Three> {
  const first = await releaseChurn(run, project);
  await secondPartArrives(run, project);
  const second = await releaseChurn(run, project);
  await changeTrees(run, project, 110);
  return [first, second, await releaseChurn(run, project)];
}

/** Lets every version answer every row once, checks that, and tells the load what it must see. */
async function aim(stage: Stage, clients: Load, bodies: string[]): Promise<void> {
  const { host, port } = stage.agent;
  const path = '/v2/models/churn/infer';
  const answers: string[][] = [];
  for (const [index, { version, modelFile }] of stage.releases.entries()) {
    if (index > 0) await follow(stage, index);
    await using bare = await startBare(stage.program, { modelFile, bodies });
    const reference = await referenceAnswers({ host, port, path, bodies }, version, await bare.outputs());
    answers.push(reference.answers);
    stage.wrong.push(...reference.wrong);
  }
  await clients.aimAt({ host, port, path, bodies, answers });
}

async function maximumOf(run: Run, clients: Load): Promise<number> {
  run.progress('measuring the maximum load');
  await clients.closed(CLIENTS, 1);
  const each: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const { version, seconds } = await clients.closed(CLIENTS, 1);
    each.push(version.length / seconds);
  }
  return median(each);
}

/** Points the channel at a release and tells the agent to look. */
async function follow(stage: Stage, to: number): Promise<{ polledAt: number; flipMs: number }> {
  const { agent, registry, releases, wrong } = stage;
  const release = releases[to];
  if (release === undefined) throw new Error(`there is no release ${to}`);
  await moveChannel(registry, 'churn', release);
  const polledAt = sharedNow();
  const [outcome] = pollSchema.parse(await controlRequest(agent.state, 'POST', '/poll')).models;
  if (outcome?.outcome !== 'swapped') {
    wrong.push(`the swap to ${release.version}: ${outcome?.outcome} ${outcome?.reason ?? ''}`);
  }
  return { polledAt, flipMs: outcome?.swapMs ?? NaN };
}

/** Swaps, and now and then the start of a peer instead, each after a span in which nothing else runs. */
async function swapMany(
  stage: Stage,
  count: number,
  startOfPeer: () => Promise<void>,
): Promise<{ swaps: Swap[]; peers: Disturbance[] }> {
  const swaps: Swap[] = [];
  const peers: Disturbance[] = [];
  for (let index = 0; index < count; index += 1) {
    stage.run.signal.throwIfAborted();
    swaps.push(await swapOnce(stage, index % stage.releases.length));
    if (index % PEER_EVERY > 0) continue;
    const steady = await quiet();
    const from = sharedNow();
    await startOfPeer();
    peers.push({ steady, from, calmAt: sharedNow() });
    await sleep(AFTER_MS);
  }
  return { swaps, peers };
}

// The last release is what serves and the one before it its warm predecessor: the next one is always the third.
async function swapOnce(stage: Stage, to: number): Promise<Swap> {
  const hosts = new Set((await stage.agent.pids()).hosts);
  const steady = await quiet();
  const { polledAt, flipMs } = await follow(stage, to);
  await sleep(AFTER_MS + 20);
  const full = (await stage.agent.pids()).hosts.some((pid) => !hosts.has(pid));
  return { to, steady, polledAt, flipMs, full };
}

async function quiet(): Promise<Span> {
  const from = sharedNow();
  await sleep(STEADY_MS);
  return { from, to: sharedNow() };
}

/** What a swap cannot do without, and no more: a process that loads the model, runs it, and ends. */
async function startPeer(program: string, peer: { modelFile: string; bodies: string[] }): Promise<void> {
  await using bare = await startBare(program, { ...peer, nice: PEER_NICE });
  await bare.outputs();
}

/** Each time a new release and back from it, with the built command. */
async function rollBackMany(stage: Stage): Promise<Rollback[]> {
  const { run, agent, releases } = stage;
  const rollbacks: Rollback[] = [];
  for (let index = 0; index < ROLLBACKS; index += 1) {
    const serving = await versionOf(agent);
    await follow(stage, (releases.findIndex(({ version }) => version === serving) + 1) % releases.length);
    await sleep(AFTER_MS);
    const startedAt = sharedNow();
    const args = [PROGRAM, 'device', 'rollback', 'churn', '--state', agent.state, '--json'];
    const printed = await run.processes.run(process.execPath, args, { cwd: run.scratch });
    const commandMs = sharedNow() - startedAt;
    const { rollback } = rollbackSchema.parse(JSON.parse(printed));
    const to = releases.findIndex(({ version }) => version === rollback.to.version);
    rollbacks.push({ to, startedAt, agentMs: rollback.rollbackMs, commandMs });
  }
  return rollbacks;
}

const statusSchema = z.object({ models: z.array(z.object({ version: z.string() })) });

async function versionOf(agent: Agent): Promise<string> {
  const { models } = statusSchema.parse(await controlRequest(agent.state, 'GET', '/status'));
  return models[0]?.version ?? '';
}
