import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { failure } from '../../errors.ts';
import { scoreModel } from '../../evaluation/index.ts';
import { http } from '../../http.ts';
import { packageRoot } from '../package-root.ts';
import { type LoadFigures, type Span, summarise } from './figures.ts';
import { type Load, startLoad } from './load.ts';
import type { Processes } from './processes.ts';
import { metadataSchema, requestBodies } from './rows.ts';

const RATE_PER_SECOND = 250;
const STEADY_MS = 2500;
const AFTER_SWAP_MS = 500;
const SWAP_LIMIT_MS = 15_000;
const MODEL = 'churn';

export interface StoryDeps {
  processes: Processes;
  /** Path of the built command line program. */
  program: string;
  /** A new step begins. */
  step: (title: string) => void;
  /** What was seen in the current step. */
  tell: (line: string) => void;
}

export interface ReleaseRecord {
  version: string;
  bump: string;
  reasons: string[];
  metrics: Record<string, unknown>;
}

export interface StoryResult {
  workdir: string;
  releases: ReleaseRecord[];
  load: LoadFigures;
  /** From the hint to look at the channel until the first answer of the new version. */
  swapMs: number;
  /** The reasons of requests that failed, each once. */
  failures: string[];
}

const planSchema = z.object({
  models: z.array(z.object({ decision: z.string(), reasons: z.array(z.string()) })),
});
const retrainSchema = z.object({
  reused: z.boolean(),
  candidate: z.object({ path: z.string(), digest: z.string() }),
  verdict: z.object({
    outcome: z.string(),
    reasons: z.array(z.string()),
    metrics: z.record(z.string(), z.unknown()),
  }),
});
const releaseSchema = z.object({
  version: z.string(),
  bump: z.string(),
  reasons: z.array(z.string()),
  modelManifest: z.object({ digest: z.string() }),
});
const readySchema = z.object({ url: z.string() });

/** The loop as a team would see it, every step a process of its own. Throws when a step does not do what it says. */
export async function tellStory(deps: StoryDeps, workdir: string): Promise<StoryResult> {
  const project = join(workdir, 'churn');
  const story = { ...deps, project, expected: new Map<string, Float64Array>(), load: undefined };

  deps.step('A repository with the first part of the data');
  await prepare(story);
  const first = await trainAndRelease(story, { version: '1.0.0', bump: 'first', changed: 'first training' });

  deps.step('A device serves it');
  const agent = await startAgent(story);
  const holdout = join(project, 'data/holdout.csv');
  const metadata = metadataSchema.parse(
    JSON.parse((await http(`${agent.url}/v2/models/${MODEL}`)).body.toString()),
  );
  const load = startLoad(
    `${agent.url}/v2/models/${MODEL}/infer`,
    await requestBodies(holdout, metadata),
    RATE_PER_SECOND,
  );
  try {
    load.expect('1.0.0', expectedOf(story, '1.0.0'));
    await load.seen('1.0.0', SWAP_LIMIT_MS);
    deps.tell(`${RATE_PER_SECOND} requests per second from now on, each answer checked`);
    const steady = await quiet(load);

    deps.step('The second part of the data arrives');
    await arrive(story);
    const second = await trainAndRelease(story, { version: '1.0.1', bump: 'patch', changed: 'churn-2.csv' });
    load.expect('1.0.1', expectedOf(story, '1.0.1'));
    const { swapMs, span } = await swap(story, load, '1.0.1');
    deps.tell(`the first answer of 1.0.1 came ${swapMs.toFixed(0)} ms after the hint`);
    const after = await quiet(load);
    await load.stop();
    await checkServing(agent.url, '1.0.1');
    await agent.end();
    const failures = [...new Set(load.samples.flatMap((sample) => sample.failure ?? []))];
    return {
      workdir,
      releases: [first, second],
      load: summarise(load.samples, [steady, after], [span]),
      swapMs,
      failures,
    };
  } finally {
    await load.stop();
  }
}

interface Story extends StoryDeps {
  project: string;
  /** By version: what its own model file says about each row of the holdout. */
  expected: Map<string, Float64Array>;
}

/** A new, empty folder for one run. */
export async function createWorkdir(given: string | undefined): Promise<string> {
  if (given === undefined) return mkdtemp(join(tmpdir(), 'edgeloop-quickstart-'));
  await mkdir(given, { recursive: true });
  return given;
}

async function prepare({ processes, project, tell }: Story): Promise<void> {
  await cp(join(packageRoot(), 'examples/churn'), project, { recursive: true });
  await rm(join(project, '.edgeloop'), { recursive: true, force: true });
  // npm leaves .gitignore files out of packages, and what Edgeloop makes here is not to be committed.
  await writeFile(join(project, '.gitignore'), '.edgeloop/\nnode_modules/\n');
  const git = (...args: string[]) => processes.run('git', args, { cwd: project });
  await git('init', '--quiet', '--initial-branch=main');
  await git('config', 'user.name', 'Edgeloop quickstart');
  await git('config', 'user.email', 'quickstart@localhost');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'The churn example with the first part of its data');
  tell(`git repository ${project}`);
}

async function arrive({ processes, project, tell }: Story): Promise<void> {
  await rename(join(project, 'arrivals/churn-2.csv'), join(project, 'data/train/churn-2.csv'));
  await processes.run('git', ['add', '--all'], { cwd: project });
  await processes.run('git', ['commit', '--quiet', '--message', 'The second part of the data'], {
    cwd: project,
  });
  tell('git commit: data/train/churn-2.csv');
}

async function edgeloop<Schema extends z.ZodType>(
  { processes, program, project }: Story,
  schema: Schema,
  ...args: string[]
): Promise<z.output<Schema>> {
  const printed = await processes.run(process.execPath, [program, ...args, '--json'], { cwd: project });
  return schema.parse(JSON.parse(printed));
}

/** plan, retrain, release, rollout; checks that each said what it must say here. */
async function trainAndRelease(
  story: Story,
  must: { version: string; bump: string; changed: string },
): Promise<ReleaseRecord> {
  const plan = (await edgeloop(story, planSchema, 'plan', MODEL)).models[0];
  require(plan?.decision === 'train' &&
    plan.reasons.join().includes(must.changed), `plan said ${JSON.stringify(plan)}`);
  story.tell(`plan: ${plan?.reasons.join('; ')}`);

  const { candidate, verdict, reused } = await edgeloop(story, retrainSchema, 'retrain', MODEL);
  require(!reused && verdict.outcome !== 'fail', `retrain said ${JSON.stringify(verdict)}`);
  for (const reason of verdict.reasons) story.tell(`gate: ${reason}`);
  const holdout = join(story.project, 'data/holdout.csv');
  const own = await scoreModel(join(candidate.path, 'model.onnx'), holdout, 'churn', 'binary-classification');
  story.expected.set(must.version, own.probabilities);

  const release = await edgeloop(story, releaseSchema, 'release', MODEL);
  const { version, bump, reasons } = release;
  require(version === must.version && bump === must.bump, `release said ${JSON.stringify(release)}`);
  require(release.modelManifest.digest ===
    candidate.digest, 'the released digest is not the one that was judged');
  story.tell(`release: ${version} (${bump}: ${reasons.join('; ')})`);
  await edgeloop(story, z.unknown(), 'rollout', `${MODEL}@${version}`, '--channel', 'production');
  story.tell(`rollout: production names ${MODEL} ${version}`);
  return { version, bump, reasons, metrics: verdict.metrics };
}

function expectedOf({ expected }: Story, version: string): Float64Array {
  return expected.get(version) ?? new Float64Array();
}

async function startAgent(story: Story): Promise<{ url: string; end(): Promise<void> }> {
  const args = [story.program, 'agent', '--http', '127.0.0.1:0', '--json'];
  const { firstLine, end } = await story.processes.start(process.execPath, args, { cwd: story.project });
  const { url } = readySchema.parse(JSON.parse(firstLine));
  story.tell(`edgeloop agent answers at ${url}`);
  return { url, end };
}

/** Lets the load run while nothing else does. */
async function quiet(load: Load): Promise<Span> {
  const from = load.now();
  await sleep(STEADY_MS);
  return { from, to: load.now() };
}

async function swap(story: Story, load: Load, version: string): Promise<{ swapMs: number; span: Span }> {
  const from = load.now();
  const seen = load.seen(version, SWAP_LIMIT_MS);
  const [sample] = await Promise.all([seen, edgeloop(story, z.unknown(), 'device', 'poll')]);
  const answered = sample.due + sample.latency;
  await sleep(AFTER_SWAP_MS);
  return { swapMs: answered - from, span: { from, to: answered + AFTER_SWAP_MS } };
}

async function checkServing(url: string, version: string): Promise<void> {
  const status = await http(`${url}/v2/models/${MODEL}/versions/${version}/ready`);
  require(status.status === 200, `after the swap ${version} is not ready: ${status.body.toString()}`);
}

function require(condition: boolean, otherwise: string): void {
  if (condition) return;
  throw failure(
    'quickstart-failed',
    otherwise,
    'This is not what the quickstart promises: please report it.',
  );
}
