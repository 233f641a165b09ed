// `edgeloop doctor` without an account anywhere.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { churnProject, edgeloop, git } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { interrupt } from '../fixtures/interrupt.ts';
import { json } from '../fixtures/json-answer.ts';

interface Check {
  code: string;
  status: string;
  message: string;
  mend?: string;
}

const statuses = ({ checks }: { checks: Check[] }) =>
  Object.fromEntries(checks.map(({ code, status }) => [code, status]));

describe('edgeloop doctor', () => {
  it('finds nothing wrong with the example, and writes nothing', () => {
    const project = churnProject();
    expect(statuses(json(project, 0, 'doctor'))).toEqual({
      configuration: 'ok',
      node: 'ok',
      'onnx-runtime': 'ok',
      git: 'skipped',
      registry: 'ok',
      'registry-folder': 'ok',
      github: 'skipped',
    });
    expect(git(project, 'status', '--porcelain', '--ignored')).toBe('');
  });

  it('says what is wrong in edgeloop.yaml and how to mend it, and looks at the rest', () => {
    const project = churnProject();
    edit(project, 'edgeloop.yaml', ['task: binary-classification', 'task: guessing']);
    const { ok, checks }: { ok: boolean; checks: Check[] } = json(project, 1, 'doctor');
    expect(ok).toBe(false);
    expect(checks[0]).toMatchObject({
      code: 'configuration',
      status: 'fail',
      message: expect.stringContaining('task'),
      mend: expect.any(String),
    });
    expect(checks.map(({ code }) => code)).toEqual(['configuration', 'node', 'onnx-runtime']);
  });

  it('shows people one line for each check, and below it its mend', () => {
    const project = churnProject();
    git(project, 'remote', 'add', 'origin', 'https://x-access-token:hunter2@github.com/Acme/Churn.git');
    const { code, stdout, stderr } = edgeloop(project, 'doctor');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ok {6,}configuration {2,}/);
    expect(stdout).toMatch(
      /skipped {2}github +nobody asks GitHub about Acme\/Churn: GITHUB_TOKEN is not set\n +> export GITHUB_REPOSITORY=Acme\/Churn/,
    );
    expect(stdout).not.toContain('hunter2');
  });

  it('tells of a registry folder that cannot be written', () => {
    const project = churnProject();
    // Not by its rights, which root does not need.
    writeFileSync(join(project, '.edgeloop'), '');
    const { checks }: { checks: Check[] } = json(project, 1, 'doctor');
    expect(checks.find(({ code }) => code === 'registry-folder')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining(`${join(project, '.edgeloop')} is no folder`),
    });
  });

  it('ends without a stack when it is cancelled while several wait', async () => {
    const project = churnProject();
    const bin = mkdtempSync(join(tmpdir(), 'edgeloop-az-'));
    writeFileSync(join(bin, 'az'), '#!/bin/sh\nsleep 60\n', { mode: 0o755 });
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => {
      rmSync(bin, { recursive: true });
      silent.closeAllConnections();
      silent.close();
    });
    await once(silent, 'listening');
    edit(project, 'edgeloop.yaml', ['train: data/train', 'train: azureblob://churndata/churn/train']);
    const ran = await interrupt(project, ['doctor'], { started: 'az account' }, 'SIGINT', {
      EDGELOOP_REGISTRY: `127.0.0.1:${(silent.address() as AddressInfo).port}/models`,
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1',
    });
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^error\[cancelled\]: (?![^]*\n\s+at )/),
    });
  });

  it('has nothing to sweep without a workspace of Azure ML', () => {
    expect(json(churnProject(), 2, 'doctor', '--sweep')).toMatchObject({
      error: { code: 'azure-required' },
    });
  });
});
