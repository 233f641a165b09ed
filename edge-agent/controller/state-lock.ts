import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { EdgeloopError, failure, isSystemError, messageOf, misuse } from '../../src/errors.ts';
import { ownerIsGone, ownerName } from '../../src/process-owner.ts';

/** Both processes by name; see src/process-owner.ts. */
const lockSchema = z.strictObject({ gateway: z.string(), controller: z.string() });

/** How long a controller whose gateway is gone may take to end. */
const ORPHAN_MS = 5_000;

/**
 * Makes the state folder this agent's own. The lock belongs to the gateway, so that no other agent can take it while
 * a controller is started again. Throws `state-in-use` or `state-not-writable`.
 */
export async function lockState(folder: string, gatewayPid: number): Promise<void> {
  try {
    makeFolder(folder);
    await takeLock(folder, join(folder, 'agent.lock'), gatewayPid);
  } catch (error) {
    if (error instanceof EdgeloopError) throw error;
    throw failure(
      'state-not-writable',
      `cannot write into the state folder ${folder}: ${messageOf(error)}`,
      'Give the agent a folder that it may write with --state DIR, or change its owner.',
      { cause: error },
    );
  }
}

/** Node's own recursive mkdir never returns where a file system answers ENOENT to a creation (/proc does). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (!existsSync(dirname(folder))) makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

async function takeLock(folder: string, file: string, gatewayPid: number): Promise<void> {
  const mine = JSON.stringify({ gateway: ownerName(gatewayPid), controller: ownerName() });
  for (let attempt = 0; attempt < 10; attempt += 1) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw error;
    }
    const found = readText(file);
    if (found === undefined) continue;
    await refuseWhileUsed(folder, found, gatewayPid);
    removeStale(file, found);
  }
  throw stateInUse(folder, undefined);
}

async function refuseWhileUsed(folder: string, text: string, gatewayPid: number): Promise<void> {
  const owner = lockSchema.safeParse(parsed(text)).data;
  // A lock that cannot be read was torn by a power cut: whoever wrote it is gone.
  if (owner === undefined) return;
  if (owner.gateway !== ownerName(gatewayPid) && !ownerIsGone(owner.gateway)) {
    throw stateInUse(folder, owner.gateway);
  }
  const deadline = performance.now() + ORPHAN_MS;
  while (owner.controller !== ownerName() && !ownerIsGone(owner.controller)) {
    if (performance.now() > deadline) throw stateInUse(folder, owner.controller);
    await sleep(20);
  }
}

/** Of two agents that saw the same stale lock only one can move it away; the other one looks again. */
function removeStale(file: string, seen: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  if (readText(aside) === seen) rmSync(aside);
  else renameSync(aside, file);
}

function stateInUse(folder: string, owner: string | undefined) {
  const who = owner === undefined ? 'another agent' : `another agent (process ${owner.split('-')[0]})`;
  return misuse(
    'state-in-use',
    `the state folder ${folder} is used by ${who}`,
    'End that agent first, or give this one a folder of its own with --state DIR.',
  );
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
