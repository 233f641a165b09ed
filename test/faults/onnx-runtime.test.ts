import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type BareCheckout,
  bareCheckout,
  editLock,
  ensure,
  ensureInProcess,
  inToolCache,
} from '../fixtures/bare-checkout.ts';
import { processesIn, processesLeftIn } from '../fixtures/processes-in.ts';
import { npmRegistryAnswers } from '../tooling/find.ts';
import { smallDisk } from './small-disk.ts';

const COPY = `edgeloop-onnxruntime/1.30.0/${process.platform}-${process.arch}`;

describe.skipIf(!npmRegistryAnswers())('an installation of ONNX Runtime', () => {
  let npmCache: string;
  beforeAll(async () => {
    const first = bareCheckout();
    await ensure(first);
    npmCache = first.environment['npm_config_cache'] ?? '';
  }, 120_000);

  it('is refused, and leaves nothing, when the registry sends other bytes than the lock names', async () => {
    const action = bareCheckout(npmCache);
    editLock(action, 'sha512-twhs1C2C', 'sha512-twhs1C2D');
    await expect(ensure(action)).rejects.toMatchObject({
      code: 'onnxruntime-altered',
      exitCode: 3,
      message: expect.stringMatching(/EINTEGRITY[\s\S]*wanted sha512-twhs1C2D.* but got sha512-twhs1C2C/),
    });
    expect(inToolCache(action)).toEqual([]);
  });

  it('tells what npm says of a registry that does not answer', async () => {
    const action = bareCheckout();
    action.environment['npm_config_registry'] = 'http://127.0.0.1:1/';
    action.environment['npm_config_fetch_retries'] = '0';
    await expect(ensure(action)).rejects.toMatchObject({
      code: 'onnxruntime-unavailable',
      // npm 11 also tells the address and ECONNREFUSED; npm 10 fails in its own way.
      message: expect.stringMatching(/^npm could not install ONNX Runtime:\n  npm (error|ERR!) /),
      remedy: expect.stringContaining('npm config get registry'),
    });
    expect(inToolCache(action)).toEqual([]);
  });

  it('tells what to install where there is no npm', async () => {
    const action = bareCheckout(npmCache);
    action.environment['PATH'] = '/nowhere';
    await expect(ensure(action)).rejects.toMatchObject({
      code: 'npm-missing',
      remedy: expect.stringMatching(/^Install Node with npm .*EDGELOOP_ONNXRUNTIME\.$/),
    });
    expect(inToolCache(action)).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('tells that the disk is full, also when npm exits with 0', async () => {
    const action = bareCheckout(npmCache);
    const disk = smallDisk(action.toolCache, '100m');
    try {
      await expect(ensure(action)).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringContaining('ENOSPC'),
      });
      expect(inToolCache(action)).toEqual([]);
    } finally {
      disk.unmount();
    }
  });

  it('tells that the package has nothing for this platform, and leaves nothing', async () => {
    const action = bareCheckout(npmCache);
    const { file, integrity } = packageForOthers();
    editLock(
      action,
      /("node_modules\/onnxruntime-node": \{\s+"version": "1.30.0",\s+)"integrity": "[^"]+"/,
      `$1"resolved": "file:${file}", "integrity": "${integrity}"`,
    );
    await expect(ensure(action)).rejects.toMatchObject({
      code: 'onnxruntime-unsupported',
      message: expect.stringMatching(`${process.platform}-${process.arch}.*\n.*onnxruntime_binding.node`),
    });
    expect(inToolCache(action)).toEqual([]);
  });

  it('leaves nothing that is taken for complete when it is killed, and the next one clears up', async () => {
    const action = bareCheckout(npmCache);
    const { child, ended } = ensureInProcess(action);
    await npmRuns(action);
    child.kill('SIGKILL');
    await ended;
    const [left = '', ...others] = inToolCache(action);
    expect(left).toMatch(`${COPY}.`);
    expect(others).toEqual([]);
    // The npm of a job that was killed lives on until the runner ends it.
    for (const pid of processesIn(action.toolCache)) process.kill(Number(pid), 'SIGKILL');
    expect(await ensure(action)).toMatchObject({ EDGELOOP_ONNXRUNTIME: join(action.toolCache, COPY) });
    expect(inToolCache(action)).toEqual([COPY]);
  });

  it('ends npm, and leaves nothing, when it is cancelled', async () => {
    const action = bareCheckout(npmCache);
    const controller = new AbortController();
    const [installed] = await Promise.allSettled([
      ensure(action, controller.signal),
      npmRuns(action).then(() => controller.abort(new Error('enough'))),
    ]);
    expect(installed).toMatchObject({ status: 'rejected', reason: { message: 'enough' } });
    expect(await processesLeftIn(action.toolCache, 2000)).toEqual([]);
    expect(inToolCache(action)).toEqual([]);
  });
});

async function npmRuns({ toolCache }: BareCheckout): Promise<void> {
  while (processesIn(toolCache).length === 0) await sleep(5);
}

/** A package of ONNX Runtime's name and version whose only binary is for another platform. */
function packageForOthers(): { file: string; integrity: string } {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-package-'));
  mkdirSync(join(folder, 'bin/napi-v6/plan9/mips'), { recursive: true });
  writeFileSync(join(folder, 'bin/napi-v6/plan9/mips/onnxruntime_binding.node'), 'binary');
  const facts = { name: 'onnxruntime-node', version: '1.30.0', main: 'index.js' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(facts));
  writeFileSync(
    join(folder, 'index.js'),
    'require(`./bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`);\n',
  );
  const told = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: folder });
  const [packed]: { filename: string; integrity: string }[] = JSON.parse(told.toString());
  return { file: join(folder, packed?.filename ?? ''), integrity: packed?.integrity ?? '' };
}
