import { EdgeloopError, messageOf } from '../../errors.ts';
import { connectToGitHub } from '../on-github.ts';
import type { LoopDeps } from '../workspace.ts';
import { runPage } from './run-page.ts';

export interface Deployment {
  model: string;
  version: string;
  /** The release's git tag. */
  tag: string;
  channel: string;
  /** The ModelPack manifest's. */
  digest: string;
}

/** So long a cancelled run may take to say that it failed: GitHub's runner waits 7.5 s before its next signal. */
const LAST_WORDS_MS = 4_000;

/**
 * Does the work of a rollout, and records it on GitHub as a deployment: in progress, then success or failure. The
 * telling never decides the work: what GitHub refuses is a warning, and what the work throws is thrown.
 */
export async function withDeployment<T>(
  deps: LoopDeps,
  deployment: Deployment,
  work: () => Promise<T>,
): Promise<T> {
  const id = await tell(deps, deployment, () => create(deps, deployment));
  const say = async (state: State) => {
    if (id !== undefined) await tell(deps, deployment, () => setStatus(deps, deployment, id, state));
  };
  await say('in_progress');
  try {
    const done = await work();
    await say('success');
    return done;
  } catch (error) {
    await say('failure');
    throw error;
  }
}

type State = 'in_progress' | 'success' | 'failure';

async function create(deps: LoopDeps, deployment: Deployment): Promise<number> {
  const { model, version, tag: ref, channel, digest } = deployment;
  const client = await connectToGitHub(deps, asker(deployment));
  const { createDeployment } = await import('../../github/index.ts');
  return createDeployment(client, {
    ref,
    // An environment for each model of a channel: where several share one, each success makes what was deployed for the
    // others inactive, and so does the job that waits for an approval in the environment named as the channel. With the
    // channel first GitHub's pages list them right below that one.
    environment: `${channel}/${model}`,
    description: `${model} ${version} to ${channel}`.slice(0, 140),
    payload: { model, version, channel, digest },
  });
}

async function setStatus(deps: LoopDeps, deployment: Deployment, id: number, state: State): Promise<void> {
  const signal = deps.signal.aborted ? AbortSignal.timeout(LAST_WORDS_MS) : deps.signal;
  const client = await connectToGitHub({ ...deps, signal }, asker(deployment));
  const { setDeploymentStatus } = await import('../../github/index.ts');
  await setDeploymentStatus(client, id, { state, logUrl: runPage(deps.environment) });
}

/** Tells GitHub something; a warning, and `undefined`, when that fails. */
async function tell<T>(
  { log }: LoopDeps,
  deployment: Deployment,
  telling: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await telling();
  } catch (error) {
    const mend = error instanceof EdgeloopError ? ` ${error.remedy}` : '';
    log('warn', `GitHub was not told of ${asker(deployment)}: ${messageOf(error)}.${mend}`);
    return undefined;
  }
}

function asker({ model, version, channel }: Deployment): string {
  return `the deployment of ${model} ${version} to ${channel}`;
}
