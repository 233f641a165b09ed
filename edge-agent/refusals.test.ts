import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { floatTensor } from '../src/onnx/index.ts';
import { openLayoutRegistry } from '../src/oci/index.ts';
import { logarithmModel, unknownOperatorModel } from '../test/fixtures/onnx-model.ts';
import { controlRequest } from './controller/control-client.ts';
import type { AgentSettings } from './settings.ts';
import { pushVersion, rollOut, scratch, type VersionToPush } from '../test/fixtures/model-registry.ts';
import { type RunningAgent, startReady } from '../test/fixtures/start-agent.ts';

/* One agent for the whole file: whatever it is asked to do, version 1.0.0 goes on answering. */
let root: string;
let registry: string;
let settings: AgentSettings;
let agent: RunningAgent;
let doubles: string;
let sequence = 10;

beforeAll(async () => {
  const folders = await scratch();
  ({ root, registry } = folders);
  settings = {
    state: folders.state,
    http: { host: '127.0.0.1', port: 0 },
    registry: `oci:${registry}`,
    channel: 'production',
    pollMs: 3_600_000,
    models: { line: { accept: '^1.0.0' } },
    probationMs: 600_000,
  };
  doubles = await pushVersion(registry, { scale: 2 });
  await rollOut(registry, { sequence, version: '1.0.0', digest: doubles });
  agent = await startReady(settings);
});

afterAll(async () => {
  await agent?.kill();
  await rm(root, { recursive: true });
});

const poll = () => controlRequest(settings.state, 'POST', '/poll');

async function offer(version: string, pushed: VersionToPush, damage?: (digest: string) => Promise<void>) {
  const digest = await pushVersion(registry, pushed);
  await damage?.(digest);
  sequence += 1;
  await rollOut(registry, { sequence, version, digest });
  return { digest, result: await poll() };
}

async function flipBit(file: string, offset: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  await rm(file);
  await writeFile(file, bytes);
}

/** Flips a bit in the blob that holds the weights. */
async function damageWeights(digest: string): Promise<void> {
  const found = await openLayoutRegistry(registry).repository('line').readManifest(digest);
  const manifest: { layers: { digest: string }[] } = JSON.parse(Buffer.from(found?.bytes ?? []).toString());
  const hex = manifest.layers.at(-1)?.digest.slice('sha256:'.length) ?? '';
  await flipBit(join(registry, 'line', 'blobs', 'sha256', hex), 600);
}

const send = async (method: string, path: string, body?: string) => {
  const response = await fetch(agent.url + path, { method, ...(body === undefined ? {} : { body }) });
  const answer: unknown = await response.json();
  return { status: response.status, answer };
};
const row = (change: object) =>
  JSON.stringify({ inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [1], ...change }] });

const get = async (path: string, accept = 'application/json') => {
  const response = await fetch(agent.url + path, { headers: { accept } });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text: await response.text(),
  };
};

const json = async (path: string) => JSON.parse((await get(path)).text) as unknown;

describe('a version that is not right', () => {
  const output = { name: 'y', dataType: 'FP32' as const, shape: [null, 2] };
  const input = { name: 'x', dataType: 'FP32' as const, shape: [null, 1] };
  const cases: [string, VersionToPush, string][] = [
    [
      'other numbers than its golden samples',
      { scale: 3, golden: [3, 6.1] },
      'golden sample differs: output "y" element 1',
    ],
    ['NaN', { scale: Number.NaN, golden: [2, 4] }, 'element 0 is NaN'],
    [
      'another model signature',
      { scale: 4, signature: { inputs: [input], outputs: [output] } },
      'model signature differs',
    ],
    ['an operator that is unknown', { scale: 5, model: unknownOperatorModel() }, 'NoSuchOperator'],
    ['no model at all', { scale: 6, model: new TextEncoder().encode('nothing') }, 'was not loaded'],
  ];
  it.each(cases)('is quarantined: %s', async (_, pushed, reason) => {
    const { digest, result } = await offer('1.1.0', pushed);
    expect(result).toMatchObject({
      models: [{ outcome: 'quarantined', reason: expect.stringContaining(reason) }],
    });
    expect(await agent.infer(4)).toMatchObject({ version: '1.0.0', y: 8 });
    const { models } = await agent.status();
    expect(models[0]?.quarantined.find((each) => each.digest === digest)?.reason).toContain(reason);
    expect(await poll()).toMatchObject({
      models: [{ outcome: 'refused', reason: expect.stringContaining('quarantined') }],
    });
    expect(await readdir(join(settings.state, 'models', 'line'))).toEqual([doubles.slice(7)]);
  });

  it('is quarantined when a blob is damaged, and tried again after the next rollout', async () => {
    const { digest, result } = await offer('1.2.0', { scale: 7 }, damageWeights);
    expect(result).toMatchObject({
      models: [{ outcome: 'quarantined', reason: expect.stringContaining('is damaged') }],
    });
    expect(await agent.infer(4)).toMatchObject({ version: '1.0.0', y: 8 });
    await damageWeights(digest);
    expect(await poll()).toMatchObject({ models: [{ outcome: 'refused' }] });
    sequence += 1;
    await rollOut(registry, { sequence, version: '1.2.0', digest });
    expect(await poll()).toMatchObject({ models: [{ outcome: 'swapped', version: '1.2.0' }] });
    await controlRequest(settings.state, 'POST', '/rollback', { model: 'line' });
    expect(await agent.infer(4)).toMatchObject({ version: '1.0.0', y: 8 });
  });

  it('is refused before its weights are fetched when this device cannot run it', async () => {
    const { result } = await offer(
      '1.3.0',
      { scale: 8, opset: 99, executionProviders: ['cuda'] },
      damageWeights,
    );
    expect(result).toMatchObject({
      models: [
        { outcome: 'failed', reason: expect.stringMatching(/opset 99 of ai\.onnx.*execution provider cuda/) },
      ],
    });
  });

  it('is refused outside the accepted range, and with a sequence that was passed before', async () => {
    const { digest, result } = await offer('2.0.0', { scale: 9 });
    expect(result).toMatchObject({
      models: [{ outcome: 'refused', reason: expect.stringContaining('"^1.0.0"') }],
    });
    await rollOut(registry, { sequence: sequence - 1, version: '1.9.0', digest });
    expect(await poll()).toMatchObject({
      models: [{ reason: expect.stringContaining(`but ${sequence} was seen`) }],
    });
    await rollOut(registry, { sequence, version: '1.9.0', digest });
    expect(await poll()).toMatchObject({
      models: [{ reason: expect.stringContaining('with other content') }],
    });
    expect(await agent.infer(4)).toMatchObject({ version: '1.0.0', y: 8 });
  });

  it('is sent back when it answers NaN on probation', async () => {
    const golden: [number, number] = [0, Math.log(2)];
    const { result, digest } = await offer('1.4.0', { scale: 0, model: logarithmModel(), golden });
    expect(result).toMatchObject({ models: [{ outcome: 'swapped' }] });
    for (let time = 0; time < 3; time += 1) {
      expect(await agent.infer(-1)).toMatchObject({ status: 500, body: { code: 'output-nan' } });
    }
    while ((await agent.infer(4)).version !== '1.0.0')
      await new Promise((resolve) => setTimeout(resolve, 10));
    const status = await controlRequest(settings.state, 'GET', '/status');
    expect(status).toMatchObject({ models: [{ state: 'committed', version: '1.0.0', previous: null }] });
    expect(JSON.stringify(status)).toContain(digest);
  });
});

describe('a request that is not right', () => {
  const infer = '/v2/models/line/infer';

  const cases: [string, string, string, string | undefined, number, string][] = [
    ['no JSON', 'POST', infer, '{"inputs":', 400, 'not JSON'],
    ['no inputs', 'POST', infer, '{}', 400, 'inputs'],
    ['a missing input', 'POST', infer, row({ name: 'z' }), 400, 'missing input "x"'],
    [
      'an unexpected input',
      'POST',
      infer,
      JSON.stringify({
        inputs: [JSON.parse(row({})).inputs[0], { name: 'z', shape: [1], datatype: 'FP32', data: [1] }],
      }),
      400,
      'unexpected input "z"',
    ],
    ['another datatype', 'POST', infer, row({ datatype: 'INT64' }), 400, 'input "x" is INT64, expected FP32'],
    ['an unknown datatype', 'POST', infer, row({ datatype: 'FLOAT' }), 400, 'datatype'],
    ['another rank', 'POST', infer, row({ shape: [1] }), 400, 'input "x" has 1 dimensions'],
    [
      'another fixed dimension',
      'POST',
      infer,
      row({ shape: [1, 2], data: [1, 2] }),
      400,
      'dimension 1 is 2, not 1',
    ],
    ['too few elements', 'POST', infer, row({ shape: [2, 1] }), 400, '1 elements, expected 2'],
    [
      'an unknown output',
      'POST',
      infer,
      JSON.stringify({ ...JSON.parse(row({})), outputs: [{ name: 'q' }] }),
      400,
      'no output "q"',
    ],
    ['an unknown model', 'POST', '/v2/models/nothing/infer', row({}), 404, 'no model "nothing"'],
    [
      'an unknown version',
      'POST',
      '/v2/models/line/versions/9.9.9/infer',
      row({}),
      404,
      'no version "9.9.9"',
    ],
    ['an unknown path', 'GET', '/v3', undefined, 404, 'nothing at /v3'],
    ['another method', 'GET', infer, undefined, 405, 'GET'],
    ['changing what is served', 'POST', '/v2/repository/models/line/unload', '{}', 404, 'nothing at'],
  ];
  it.each(cases)('%s', async (_, method, path, body, status, message) => {
    const { status: got, answer } = await send(method, path, body);
    expect({ got, answer }).toMatchObject({
      got: status,
      answer: { error: expect.stringContaining(message) },
    });
    expect(answer).toHaveProperty('code');
  });

  it.each(['with its length', 'in chunks'])('a body larger than 64 MB, sent %s', async (how) => {
    const bytes = Buffer.alloc(64 * 1024 * 1024 + 1, 'x');
    const body = how === 'in chunks' ? new Blob([bytes]).stream() : bytes;
    const response = await fetch(agent.url + infer, { method: 'POST', body, duplex: 'half' });
    expect({ status: response.status, answer: await response.json() }).toMatchObject({
      status: 413,
      answer: { code: 'body-too-large' },
    });
  });
});

describe('a request that is right', () => {
  it('gets its id, its outputs and the version it asked for', async () => {
    const { data: _, ...tensor } = floatTensor('x', [2, 1], [1, 2]);
    const body = JSON.stringify({
      id: 'seven',
      inputs: [{ name: tensor.name, shape: tensor.shape, datatype: 'FP32', data: [[1], [2]] }],
      outputs: [{ name: 'y' }],
    });
    const response = await fetch(`${agent.url}/v2/models/line/versions/1.0.0/infer`, {
      method: 'POST',
      body,
    });
    expect(await response.json()).toEqual({
      model_name: 'line',
      model_version: '1.0.0',
      id: 'seven',
      outputs: [{ name: 'y', shape: [2, 1], datatype: 'FP32', data: [2, 4] }],
    });
  });

  it('learns about server, health and model', async () => {
    expect(await json('/v2')).toEqual({
      name: 'edgeloop',
      version: '0.0.0-test',
      extensions: ['model_repository'],
    });
    expect(await json('/v2/health/live')).toEqual({ live: true });
    expect(await json('/v2/health/ready')).toEqual({ ready: true });
    expect(await json('/v2/models/line/ready')).toEqual({ name: 'line', ready: true });
    expect(await json('/v2/models/line')).toEqual({
      name: 'line',
      versions: ['1.0.0'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    });
    const index = await fetch(`${agent.url}/v2/repository/index`, { method: 'POST' });
    expect(await index.json()).toEqual([{ name: 'line', version: '1.0.0', state: 'READY', reason: '' }]);
  });

  it('reads metrics as Prometheus text or OpenMetrics', async () => {
    const plain = await get('/metrics', 'text/plain');
    expect(plain.type).toContain('text/plain');
    expect(plain.text).toContain('edgeloop_requests_total{model="line",version="1.0.0",code="200"}');
    expect(plain.text).toContain(
      `edgeloop_model_info{model="line",version="1.0.0",digest="${doubles}",role="current"} 1`,
    );
    const open = await get('/metrics', 'application/openmetrics-text; version=1.0.0');
    expect(open.type).toContain('application/openmetrics-text');
    expect(open.text.trimEnd().endsWith('# EOF')).toBe(true);
  });
});

describe('a copy on disk that is damaged', () => {
  it('is fetched anew while its predecessor serves', async () => {
    const { digest, result } = await offer('1.5.0', { scale: 11 });
    expect(result).toMatchObject({ models: [{ outcome: 'swapped' }] });
    await agent.kill();
    const file = join(settings.state, 'models', 'line', digest.slice(7), 'model.onnx');
    await writeFile(file, (await readFile(file)).subarray(0, 40));
    agent = await startReady(settings);
    await poll();
    expect(await agent.infer(4)).toMatchObject({ version: '1.5.0', y: 44 });
    expect(agent.log()).toContain('the copy of 1.5.0 on this disk is damaged');
    const { models } = await agent.status();
    expect(models[0]).toMatchObject({ state: 'active', previous: { version: '1.0.0' }, lastError: null });
  });
});
