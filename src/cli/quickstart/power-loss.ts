import { readFile, rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from '../../errors.ts';
import { type Device, startDevice } from './device.ts';
import { pause, registryFolder, require, type Stage } from './stage.ts';
import { beginLoad, endLoad } from './traffic.ts';
import { pollDevice } from './turn-loop.ts';

const ORPHANS_MS = 5000;

/**
 * The agent is killed, and comes back with the version that it served while there is no registry to ask. Returns the
 * milliseconds from its start until it is ready.
 */
export async function losePower(stage: Stage, device: Device, version: string): Promise<number> {
  const { narrator } = stage;
  narrator.step('The agent is killed, and the registry is gone');
  // From here to its restart nobody promises an answer.
  await endLoad(stage);
  const children = await childrenOf(device.pid);
  await device.kill();
  await allGone(children);
  narrator.tell('kill', `SIGKILL to the agent; its ${children.length} child processes ended with it`);
  const registry = registryFolder(stage);
  await rename(registry, `${registry}-away`);
  let back: Device;
  let restartMs: number;
  try {
    const began = performance.now();
    back = await startDevice(stage, version);
    restartMs = performance.now() - began;
    narrator.tell('restart', `ready after ${(restartMs / 1000).toFixed(2)} s, without the registry`);
    await beginLoad(stage, back.url, version);
    narrator.doing('checking its answers');
    await pause(stage, 1000);
  } finally {
    await rename(`${registry}-away`, registry);
  }
  await pollDevice(stage, { outcome: 'up-to-date', version });
  narrator.tell('poll', 'the registry is back, and the device follows its channel again');
  await endLoad(stage);
  await back.end();
  return restartMs;
}

/** Where there is no /proc nothing is known of them. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

async function allGone(pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + ORPHANS_MS;
  while (pids.some(isRunning)) {
    const left = pids.filter(isRunning).join(', ');
    require(performance.now() < deadline, `these processes of the killed agent still run: ${left}`);
    await sleep(10);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !isSystemError(error, 'ESRCH');
  }
}
