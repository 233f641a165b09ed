import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { churnProject, edgeloop, PROGRAM, secondPartArrives } from '../fixtures/churn-project.ts';
import { interrupt } from '../fixtures/interrupt.ts';
import { json } from '../fixtures/json-answer.ts';
import { type Agent, startAgent } from '../fixtures/project-agent.ts';

const metadataSchema = z.object({ inputs: z.array(z.object({ name: z.string(), datatype: z.string() })) });

describe('edgeloop agent', () => {
  let project: string;
  let agent: Agent;
  let url: string;

  beforeAll(async () => {
    project = churnProject();
    edgeloop(project, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production');
    agent = await startAgent(project);
    url = /http:\S+/.exec(agent.firstLine)?.[0] ?? '';
  });

  afterAll(async () => {
    await agent.end();
  });

  it('prints one line when it is ready, and logs JSON lines when stderr is no terminal', () => {
    expect(agent.firstLine).toMatch(/^ready: http:\/\/127\.0\.0\.1:\d+ serves churn 1\.0\.0$/);
    expect(agent.logs.map((line) => JSON.parse(line).level)).toContain('info');
  });

  it('answers an Open Inference Protocol request with the model’s own probability', async () => {
    const metadata: unknown = await (await fetch(`${url}/v2/models/churn`)).json();
    const { inputs } = metadataSchema.parse(metadata);
    const tensors = inputs.map(({ name, datatype }) => ({
      name,
      datatype,
      shape: [2, 1],
      data: datatype === 'BYTES' ? ['KS', 'no'] : [1, 2],
    }));
    const answer = await fetch(`${url}/v2/models/churn/infer`, {
      method: 'POST',
      body: JSON.stringify({ id: '7', inputs: tensors }),
    });
    expect(await answer.json()).toMatchObject({
      id: '7',
      model_name: 'churn',
      model_version: '1.0.0',
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [2] },
        { name: 'probabilities', datatype: 'FP32', shape: [2, 2] },
      ],
    });
  });

  it('keeps its control socket to its user', () => {
    expect(statSync(join(project, '.edgeloop/agent/control.sock')).mode & 0o777).toBe(0o600);
  });

  it('swaps at a poll, and tells so to `device` and `status`', () => {
    secondPartArrives(project);
    edgeloop(project, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    const { digest } = json(project, 0, 'rollout', 'churn@1.0.1', '--channel', 'production');
    expect(json(project, 0, 'device', 'poll')).toMatchObject({
      outcomes: [{ model: 'churn', outcome: 'swapped', version: '1.0.1' }],
      models: [{ name: 'churn', version: '1.0.1', digest, previous: { version: '1.0.0' }, provider: 'cpu' }],
    });
    expect(json(project, 0, 'device', 'poll').outcomes).toMatchObject([{ outcome: 'up-to-date' }]);
    expect(
      json(project, 0, 'status', '--device', url, '--device', 'http://127.0.0.1:1').devices,
    ).toMatchObject([
      { url, status: { models: [{ name: 'churn', version: '1.0.1' }] } },
      { status: { error: expect.stringContaining('could not be reached') } },
    ]);
  });

  it('is found again from the digest that it runs, and a release finds it', () => {
    const [served] = json(project, 0, 'device', 'status').models;
    expect(json(project, 0, 'status', served.digest)).toMatchObject({ model: 'churn', version: '1.0.1' });
    const asked = (version: string) =>
      edgeloop(project, 'status', `churn@${version}`, '--device', url).stdout;
    expect(asked('1.0.1')).toContain(`\ndevices  ${url}: churn 1.0.1 (${served.state}, this very model)\n`);
    expect(asked('1.0.0')).toContain(`\ndevices  ${url}: churn 1.0.1 (${served.state})\n`);
  });

  it('goes back at once, and stays there until a newer document comes', async () => {
    expect(json(project, 0, 'device', 'rollback', 'churn')).toMatchObject({
      rollback: { from: { version: '1.0.1' }, to: { version: '1.0.0' } },
      models: [{ version: '1.0.0' }],
    });
    expect(json(project, 0, 'device', 'poll')).toMatchObject({
      outcomes: [{ outcome: 'refused' }],
      models: [{ version: '1.0.0' }],
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/edgeloop_swaps_total\{model="churn"\} 3/);
    const ran = edgeloop(project, 'device', 'rollback', 'churn');
    expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({
      stderr: expect.stringContaining('error[no-predecessor]'),
    });
  });

  it('lets no second agent use its state folder', () => {
    const ran = edgeloop(project, 'agent', '--http', '127.0.0.1:0');
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('error[state-in-use]');
  });

  it('ends in order on SIGTERM', async () => {
    expect(await agent.end()).toBe(0);
    expect(edgeloop(project, 'device', 'status').stderr).toContain('error[agent-not-running]');
  });
});

describe('edgeloop agent, interrupted', () => {
  let project: string;
  beforeAll(() => {
    project = churnProject();
    json(project, 0, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production');
  });

  it('by SIGINT while it starts leaves no process, and the next one serves', async () => {
    const ran = await interrupt(
      project,
      ['agent', '--http', '127.0.0.1:0'],
      { started: 'controller' },
      'SIGINT',
    );
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 0, stdout: '' });
    expect(ran.children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    const agent = await startAgent(project);
    expect(agent.firstLine).toContain('serves churn 1.0.0');
    expect(await agent.end()).toBe(0);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)(
    '`device` by %s does not touch the agent, and the next one succeeds',
    async (signal) => {
      const agent = await startAgent(project);
      // Stopped, the controller answers nobody: the client is cut in the middle of its question.
      const { controller } = z
        .object({ controller: z.object({ pid: z.int() }) })
        .parse(await (await fetch(`${/http:\S+/.exec(agent.firstLine)?.[0]}/edgeloop/status`)).json());
      process.kill(controller.pid, 'SIGSTOP');
      for (const verb of [['poll'], ['status'], ['rollback', 'churn']]) {
        const client = spawn(process.execPath, [PROGRAM, 'device', ...verb], { cwd: project });
        const ended = new Promise<number | null>((found) => client.once('close', found));
        await sleep(400);
        client.kill(signal);
        expect(await ended).toBe(signal === 'SIGINT' ? 1 : null);
      }
      process.kill(controller.pid, 'SIGCONT');
      const [served] = json(project, 0, 'device', 'poll').models;
      expect(served).toMatchObject({ name: 'churn', version: '1.0.0' });
      expect(await agent.end()).toBe(0);
    },
  );
});

describe('edgeloop agent, wrong use', () => {
  it('names the port that is taken', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const project = churnProject();
    const child = spawn(process.execPath, [PROGRAM, 'agent', '--http', `127.0.0.1:${port}`], {
      cwd: project,
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    expect(await new Promise((ended) => child.once('close', ended))).toBe(2);
    expect(stderr).toContain(`error[port-in-use]: port ${port} on 127.0.0.1 is in use`);
    server.close();
  });

  it('names every mistake in agent.yaml, and writes nothing', () => {
    const project = churnProject();
    const ran = edgeloop(
      project,
      'agent',
      '--poll',
      'often',
      '--model',
      'churn=newest',
      '--state',
      'new-state',
    );
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('has 2 errors');
    expect(ran.stderr).toContain('expected a duration such as 60s');
    expect(ran.stderr).toContain('expected a semver range');
    expect(existsSync(join(project, 'new-state'))).toBe(false);
  });
});
