import {
  appendFileSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bareCheckout, ensure, ensureInProcess, inToolCache } from '../fixtures/bare-checkout.ts';
import { churnProject } from '../fixtures/churn-project.ts';
import { npmRegistryAnswers } from '../tooling/find.ts';

const PLATFORM = `${process.platform}-${process.arch}`;
const BINARIES = `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`;

describe.skipIf(!npmRegistryAnswers())('an action that was checked out without node_modules', () => {
  const action = bareCheckout();
  const folder = join(action.toolCache, 'edgeloop-onnxruntime/1.30.0', PLATFORM);

  let first: Awaited<ReturnType<typeof ensure>>;
  beforeAll(async () => {
    first = await ensure(action);
  }, 120_000);

  it('gets the binaries of this platform, and nothing else in the tool cache', () => {
    expect(first).toEqual({
      EDGELOOP_ONNXRUNTIME: folder,
      lines: [
        'installing ONNX Runtime 1.30.0 with npm',
        expect.stringMatching(/^installed ONNX Runtime in /),
      ],
    });
    const binaries = globSync('**/*.{node,so*,dylib,dll}', { cwd: folder });
    expect(binaries.length).toBeGreaterThan(0);
    for (const path of binaries) expect(path).toMatch(new RegExp(`^${BINARIES}/`));
    expect(bytesIn(folder)).toBeLessThan(90_000_000);
    expect(inToolCache(action)).toEqual([`edgeloop-onnxruntime/1.30.0/${PLATFORM}`]);
  });

  it('trains and scores with that copy, and cannot without it', () => {
    const project = churnProject();
    const retrain = (more: NodeJS.ProcessEnv) => {
      const program = join(action.packageRoot, 'dist/edgeloop.js');
      const env = { ...action.environment, ...more };
      return spawnSync(process.execPath, [program, 'retrain', 'churn', '--json'], {
        cwd: project,
        env,
        encoding: 'utf8',
      });
    };
    const without = retrain({});
    expect({ code: without.status, said: without.stderr }).toEqual({
      code: 1,
      said: expect.stringContaining("Cannot find module 'onnxruntime-node'"),
    });
    const ran = retrain({ EDGELOOP_ONNXRUNTIME: folder });
    expect({ code: ran.status, ...JSON.parse(ran.stdout).verdict }).toMatchObject({
      code: 0,
      outcome: 'first',
    });
    expect(existsSync(join(action.packageRoot, 'node_modules'))).toBe(false);
  });

  it('uses what is there without npm, and so without a network', async () => {
    const offline = { ...action, environment: { ...action.environment, PATH: '/nowhere' } };
    expect(await ensure(offline)).toEqual({ EDGELOOP_ONNXRUNTIME: folder, lines: [] });
  });

  it.each([
    ['was altered', (file: string) => appendFileSync(file, ' ')],
    ['is missing', (file: string) => rmSync(file)],
  ])('installs anew a copy of which a file %s', async (_, damage) => {
    const file = join(folder, BINARIES, 'onnxruntime_binding.node');
    const before = readFileSync(file);
    damage(file);
    expect(await ensure(action)).toMatchObject({ EDGELOOP_ONNXRUNTIME: folder });
    expect(before.equals(readFileSync(file))).toBe(true);
    expect(inToolCache(action)).toEqual([`edgeloop-onnxruntime/1.30.0/${PLATFORM}`]);
  });

  it('installs once when two jobs begin at the same time, and both use it', async () => {
    const both = bareCheckout(action.environment['npm_config_cache']);
    const answers = await Promise.all([ensureInProcess(both).ended, ensureInProcess(both).ended]);
    const copy = join(both.toolCache, 'edgeloop-onnxruntime/1.30.0', PLATFORM);
    for (const answer of answers) expect(JSON.parse(answer)).toEqual({ EDGELOOP_ONNXRUNTIME: copy });
    expect(inToolCache(both)).toEqual([`edgeloop-onnxruntime/1.30.0/${PLATFORM}`]);
    expect(await ensure(both)).toEqual({ EDGELOOP_ONNXRUNTIME: copy, lines: [] });
  });

  it('installs nothing where npm ci has run, or where the caller names a copy', async () => {
    const installed = { ...bareCheckout(), packageRoot: resolve(import.meta.dirname, '../..') };
    expect(await ensure(installed)).toEqual({ lines: [] });
    const named = bareCheckout();
    named.environment['EDGELOOP_ONNXRUNTIME'] = folder;
    expect(await ensure(named)).toEqual({ lines: [] });
    expect([...inToolCache(installed), ...inToolCache(named)]).toEqual([]);
  });

  it('shows npm neither the inputs of the action nor a credential, but the settings of npm', async () => {
    const scene = bareCheckout();
    const programs = join(scene.toolCache, 'programs');
    mkdirSync(programs, { recursive: true });
    writeFileSync(join(programs, 'npm'), '#!/bin/sh\nenv >"$TMPDIR/seen"\nexit 1\n', { mode: 0o755 });
    Object.assign(scene.environment, {
      PATH: `${programs}:${process.env['PATH']}`,
      TMPDIR: scene.toolCache,
      'INPUT_GITHUB-TOKEN': 'secret-1',
      INPUT_MODEL: 'secret-2',
      GITHUB_TOKEN: 'secret-3',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret-4',
      AZURE_CLIENT_SECRET: 'secret-5',
      NODE_OPTIONS: '--title=secret-6',
      NODE_AUTH_TOKEN: 'for-the-mirror',
      HTTPS_PROXY: 'http://proxy.example:3128',
    });
    await expect(ensure(scene)).rejects.toMatchObject({ code: 'onnxruntime-unavailable' });
    const seen = readFileSync(join(scene.toolCache, 'seen'), 'utf8').split('\n');
    expect(seen.join('\n')).not.toContain('secret');
    expect(seen).toEqual(
      expect.arrayContaining([
        'ONNXRUNTIME_NODE_INSTALL=skip',
        'NODE_AUTH_TOKEN=for-the-mirror',
        'HTTPS_PROXY=http://proxy.example:3128',
        `npm_config_cache=${scene.environment['npm_config_cache']}`,
      ]),
    );
  });
});

function bytesIn(folder: string): number {
  const files = globSync('**', { cwd: folder }).map((path) => lstatSync(join(folder, path)));
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}
