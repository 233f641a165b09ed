import { cp, mkdtemp, readdir, rename, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlRequest } from '../../edge-agent/controller/control-client.ts';
import { RESTART, STATES, stateSchema } from '../../edge-agent/slots/states.ts';
import { pushVersion, rollOut } from '../fixtures/model-registry.ts';
import type { LaunchedAgent, RunningAgent } from '../fixtures/start-agent.ts';
import { afterRestart, type Expected } from './after-power-cut.ts';
import type { PowerCut } from './cut-power.ts';
import {
  answering,
  compiled,
  controlStatus,
  destroy,
  type Device,
  fillJournal,
  launch,
  makeDevice,
  poll,
  powerCutEnvironment,
  within,
  writesOf,
} from './device.ts';

/** y = factor * x; the golden samples of 3.0.0 say otherwise. */
const FACTORS: Readonly<Record<string, number>> = { '1.0.0': 2, '2.0.0': 3, '3.0.0': 4 };
const BROKEN = ['3.0.0'];

type Template = 'fresh' | 'one' | 'two' | 'interrupted' | 'damaged';

/** What a device of each template has when it starts. */
const TEMPLATES: Readonly<Record<Template, Expected>> = {
  fresh: {},
  one: { serving: '1.0.0', sequence: 1 },
  two: { serving: '2.0.0', previous: '1.0.0', sequence: 2 },
  /** Cut when 2.0.0 was warm. */
  interrupted: { serving: '1.0.0', candidate: '2.0.0', sequence: 2 },
  /** The model file of 2.0.0, which served, was truncated: its predecessor is all that can serve. */
  damaged: { serving: '1.0.0', discovered: '2.0.0', sequence: 2 },
};

interface Sequence {
  name: string;
  template: Template;
  /** What the channel names. */
  document: { sequence: number; version: string };
  /** Every journal write of it, in order. */
  writes: string[];
  /** What the operator does. */
  act?(device: Device): Promise<unknown>;
  /** Instead of running the agent. */
  run?(device: Device, environment: NodeJS.ProcessEnv): Promise<void>;
  probationMs?: number;
  /** Only these writes are cut; all when left out. */
  cut?: number[];
  /** Also in the middle of each write: half of it is no record, and half a snapshot leaves the old journal in place. */
  torn?: true;
}

/** The writes of an activation from one state to another, in the order of the table. */
function activation(version: string, from: (typeof STATES)[number], to: (typeof STATES)[number]): string[] {
  return STATES.slice(STATES.indexOf(from), STATES.indexOf(to) + 1).map((state) => `${version} ${state}`);
}

const SEQUENCES: Sequence[] = [
  {
    name: 'first activation on a fresh device',
    template: 'fresh',
    document: { sequence: 1, version: '1.0.0' },
    writes: ['snapshot', 'document 1', ...activation('1.0.0', 'discovered', 'active')],
  },
  {
    name: 'update from 1.0.0 to 2.0.0',
    template: 'one',
    document: { sequence: 2, version: '2.0.0' },
    torn: true,
    writes: ['snapshot', 'document 2', ...activation('2.0.0', 'discovered', 'active')],
  },
  {
    name: 'update that a power cut interrupted',
    template: 'interrupted',
    document: { sequence: 2, version: '2.0.0' },
    writes: ['snapshot', ...activation('2.0.0', 'fetched', 'active')],
  },
  {
    name: 'commit after probation',
    template: 'two',
    document: { sequence: 2, version: '2.0.0' },
    probationMs: 1,
    act: async (device) => {
      while ((await controlStatus(device)).state !== 'committed') await sleep(10);
    },
    writes: ['snapshot', '2.0.0 committed'],
  },
  {
    name: 'rollback by the operator',
    template: 'two',
    document: { sequence: 2, version: '2.0.0' },
    act: ({ settings }) => controlRequest(settings.state, 'POST', '/rollback', { model: 'line' }),
    writes: ['snapshot', '2.0.0 rolled-back'],
  },
  {
    name: 'quarantine of a version whose golden samples differ',
    template: 'one',
    document: { sequence: 2, version: '3.0.0' },
    writes: [
      'snapshot',
      'document 2',
      ...activation('3.0.0', 'discovered', 'signature-ok'),
      '3.0.0 quarantined',
    ],
  },
  {
    name: 'channel moved back to the warm predecessor',
    template: 'two',
    document: { sequence: 3, version: '1.0.0' },
    writes: ['snapshot', 'document 3', '1.0.0 active'],
  },
  {
    name: 'copy on this disk found damaged, and fetched again',
    template: 'damaged',
    document: { sequence: 2, version: '2.0.0' },
    writes: ['snapshot', '2.0.0 discovered', ...activation('2.0.0', 'fetched', 'active')],
  },
  {
    name: 'compaction of the journal',
    template: 'two',
    document: { sequence: 1003, version: '2.0.0' },
    run: fillJournal,
    writes: ['snapshot', ...Array.from({ length: 1000 }, (_, index) => `document ${index + 3}`), 'snapshot'],
    cut: [1000, 1001],
    torn: true,
  },
];

let root: string;
const digests = new Map<string, string>();
const registries = new Map<Sequence, string>();

const digestOf = (version: string | undefined) =>
  version === undefined ? null : (digests.get(version) ?? 'unknown');
const registryOf = (sequence: Sequence) => registries.get(sequence) ?? '';
const templateOf = (template: Template) => (template === 'fresh' ? undefined : join(root, template));

/** Runs a sequence on a new device, to its end or to the cut. */
async function run(sequence: Sequence, at?: PowerCut['at']): Promise<Device> {
  const device = await makeDevice(root, templateOf(sequence.template), registryOf(sequence));
  const { notes, settings } = device;
  const environment = powerCutEnvironment(root, { notes, ...(at === undefined ? {} : { at }) });
  if (sequence.probationMs !== undefined) settings.probationMs = sequence.probationMs;
  await device.connect();
  if (sequence.run !== undefined) await sequence.run(device, environment);
  else await runAgent(sequence, device, environment, at !== undefined);
  await device.disconnect();
  return device;
}

async function runAgent(
  { act }: Sequence,
  device: Device,
  environment: NodeJS.ProcessEnv,
  cut: boolean,
): Promise<void> {
  const agent = launch(device, environment);
  try {
    const acted = poll(device, agent).then(() => act?.(device));
    // The agent that is cut takes the connection with it.
    if (cut) acted.catch(() => undefined);
    await within(agent, cut ? 'the power cut' : 'the end of it', cut ? agent.ended : acted);
    if (!cut) await agent.stop();
  } finally {
    await destroy(agent);
  }
}

async function saveTemplate(name: Template, device: Device): Promise<void> {
  await rename(device.settings.state, join(root, name));
}

function sequenceNamed(name: string): Sequence {
  const found = SEQUENCES.find((each) => each.name.startsWith(name));
  if (found === undefined) throw new Error(`no sequence ${name}`);
  return found;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'edgeloop-cut-'));
  const base = join(root, 'base');
  for (const [version, scale] of Object.entries(FACTORS)) {
    const golden: [number, number] = BROKEN.includes(version) ? [0, 0] : [scale, 2 * scale];
    digests.set(version, await pushVersion(base, { scale, golden }));
  }
  for (const [index, sequence] of SEQUENCES.entries()) {
    const registry = join(root, `registry-${index}`);
    await cp(base, registry, { recursive: true });
    const { version } = sequence.document;
    await rollOut(registry, { ...sequence.document, digest: digests.get(version) ?? '' });
    registries.set(sequence, registry);
  }
  const update = sequenceNamed('update from');
  await saveTemplate('one', await run(sequenceNamed('first')));
  const write = update.writes.indexOf('2.0.0 warm');
  await saveTemplate('interrupted', await run(update, { write, moment: 'after' }));
  await saveTemplate('two', await run(update));
  await cp(join(root, 'two'), join(root, 'damaged'), { recursive: true });
  const hex = (digests.get('2.0.0') ?? '').slice('sha256:'.length);
  await truncate(join(root, 'damaged', 'models', 'line', hex, 'model.onnx'), 10);
}, 60_000);

afterAll(() => rm(root, { recursive: true, maxRetries: 5 }));

/** Every answer must be right for the version that it names; returns the versions that answered. */
async function answersOf(agent: RunningAgent, count: number): Promise<Set<string>> {
  const versions = new Set<string>();
  for (let x = 1; x <= count; x += 1) {
    const { status, version, y, body } = await agent.infer(x);
    expect({ status, y, body }).toMatchObject({ status: 200, y: (FACTORS[version] ?? NaN) * x });
    versions.add(version);
  }
  return versions;
}

/** What answers, what both reports say, and what must be are the same. */
async function expectServing(agent: RunningAgent, device: Device, expected: Expected): Promise<void> {
  expect([...(await answersOf(agent, 5))]).toEqual([expected.serving]);
  const reported = await controlStatus(device);
  expect(reported).toMatchObject({
    version: expected.serving,
    digest: digestOf(expected.serving),
    previous: expected.previous === undefined ? null : { version: expected.previous },
    candidate:
      expected.discovered === undefined ? null : { version: expected.discovered, state: 'discovered' },
    provider: 'cpu',
    sequence: expected.sequence ?? null,
  });
  expect(RESTART[stateSchema.parse(reported.state)].restart).toBe('serve');
  expect((await agent.status()).models).toEqual([reported]);
}

async function expectNothingServed(device: Device, expected: Expected): Promise<void> {
  const { version, digest, sequence, provider } = await controlStatus(device);
  expect({ version, digest, sequence, provider }).toEqual({
    version: null,
    digest: null,
    sequence: expected.sequence ?? null,
    provider: null,
  });
}

/** The operator rolled back, and that is on the disk. */
const isHeld = (written: string[]) => written.some((write) => write.endsWith(' rolled-back'));

/** What it must have once it has read the channel. */
function afterPoll({ document, template }: Sequence, offline: Expected, written: string[]): Expected {
  const { sequence, version } = document;
  if (isHeld(written)) return { ...offline, sequence };
  if (BROKEN.includes(version)) return { ...TEMPLATES[template], sequence };
  if (offline.serving === version) return { ...offline, sequence };
  return {
    serving: version,
    ...(offline.serving === undefined ? {} : { previous: offline.serving }),
    sequence,
  };
}

/** Restarts the device without network, then with it, and compares it with what the table says. */
async function expectRecovery(sequence: Sequence, device: Device, written: string[]): Promise<void> {
  const offline = afterRestart(TEMPLATES[sequence.template], written, BROKEN);
  const agent = launch(device, compiled(root));
  try {
    expect(await within(agent, 'the first poll', poll(device, agent))).toMatchObject({ outcome: 'failed' });
    if (offline.serving === undefined) await expectNothingServed(device, offline);
    else await expectServing(await answering(agent), device, offline);

    await device.connect();
    const online = afterPoll(sequence, offline, written);
    const polled = within(agent, 'the poll with the registry', poll(device, agent));
    const running = await answering(agent);
    // Whatever it does meanwhile, its answers are right.
    await answersOf(running, 5);
    const { outcome } = await polled;
    await expectServing(running, device, online);
    await expectOnlyWhatIsUsed(device, online);
    await expectDesired(sequence, device, written, outcome);
    if (isHeld(written)) await expectFollowsNewer(sequence, device, agent);
  } finally {
    await destroy(agent);
  }
}

/** The channel is followed, or the report says why it must not be. */
async function expectDesired(
  { document: { version, sequence } }: Sequence,
  device: Device,
  written: string[],
  outcome: string,
): Promise<void> {
  const broken = BROKEN.includes(version);
  const refused = broken ? /^(quarantined|refused)$/ : /^refused$/;
  expect(outcome).toMatch(broken || isHeld(written) ? refused : /^(swapped|up-to-date)$/);
  const { heldUntilAbove, quarantined } = await controlStatus(device);
  expect(heldUntilAbove).toBe(isHeld(written) ? sequence : null);
  expect(quarantined).toMatchObject(broken ? [{ version, digest: digestOf(version) }] : []);
}

/** What the operator rolled back comes again when the channel names it anew. */
async function expectFollowsNewer(
  { document }: Sequence,
  device: Device,
  agent: LaunchedAgent,
): Promise<void> {
  const newer = { sequence: document.sequence + 1, version: document.version };
  const registry = device.settings.registry.slice('oci:'.length);
  await rollOut(registry, { ...newer, digest: digests.get(newer.version) ?? '' });
  expect(await poll(device, agent)).toMatchObject({ outcome: 'swapped' });
  expect(await controlStatus(device)).toMatchObject({ version: document.version, heldUntilAbove: null });
}

async function expectOnlyWhatIsUsed({ settings }: Device, { serving, previous }: Expected): Promise<void> {
  const used = [serving, previous].flatMap((version) => digestOf(version)?.slice('sha256:'.length) ?? []);
  expect((await readdir(join(settings.state, 'models', 'line'))).toSorted()).toEqual(used.toSorted());
}

describe.concurrent.each(SEQUENCES)('power cut during: $name', (sequence) => {
  const { writes, cut, torn = false } = sequence;

  it('writes the journal where it is cut, and nowhere else', async () => {
    const device = await run(sequence);
    expect(await writesOf(device)).toEqual(writes);
  });

  const moments = torn ? (['before', 'torn', 'after'] as const) : (['before', 'after'] as const);
  const points = writes.flatMap((name, write) => {
    if (cut !== undefined && !cut.includes(write)) return [];
    return moments.map((moment) => ({ name, write, moment }));
  });

  it.each(points)('$moment "$name" is written', async ({ write, moment }) => {
    const device = await run(sequence, { write, moment });
    const begun = moment === 'before' ? write : write + 1;
    expect(await writesOf(device)).toEqual(writes.slice(0, begun));
    await expectRecovery(sequence, device, writes.slice(0, moment === 'after' ? write + 1 : write));
  });
});
