import { misuse } from '../errors.ts';
import { rollOut, rolloutTarget } from '../loop/rollout.ts';
import { withDeployment } from '../loop/tell/deployment.ts';
import type { ChannelDocument } from '../trust/index.ts';
import { flag, optional, required } from './inputs.ts';
import { setOutputs, summarize } from './outputs.ts';
import { openProject } from './project.ts';
import { type ActionContext, runAction } from './run-action.ts';
import { rolloutSummary } from './summaries.ts';

await runAction(async (context) => {
  const { model, version } = parseRelease(required('release', 'churn@1.0.1'));
  const allowMajor = flag('allow-major');
  const workspace = await openProject(context);
  const channel = optional('channel') ?? workspace.config.channels[0] ?? '';
  const { release, current } = await rolloutTarget(workspace, { model, channel, version });
  if (release === undefined) return tell(context, { model, channel }, current, false);
  const { tag, lock } = release;
  const deployment = { model, version: release.version, tag, channel, digest: lock.modelManifest };
  const deps = { ...workspace.deps, log: context.log };
  const document = await withDeployment(deps, deployment, () =>
    rollOut(workspace, { model, channel, version: release.version, allowMajor }),
  );
  return tell(context, { model, channel }, document, true);
});

async function tell(
  { log }: ActionContext,
  { model, channel }: { model: string; channel: string },
  document: ChannelDocument | undefined,
  moved: boolean,
): Promise<void> {
  const { version, sequence, digest } = document ?? {};
  setOutputs({ moved, model, version, channel, sequence, digest });
  const names =
    version === undefined
      ? `names no release of ${model} yet`
      : `${moved ? 'now' : 'still'} names ${model} ${version} (document ${sequence})`;
  log('info', `${channel} ${names}`);
  await summarize(rolloutSummary({ model, channel }, document, moved), log);
}

/** `MODEL@VERSION`, where the version may begin with a `v`, or `MODEL`. */
function parseRelease(text: string): { model: string; version: string | undefined } {
  const [, model, version] = /^([^@]+)(?:@v?(\d+\.\d+\.\d+))?$/.exec(text) ?? [];
  if (model !== undefined) return { model, version };
  throw misuse(
    'release-name',
    `the input "release" is "${text}"`,
    'It is MODEL@VERSION, or MODEL for its newest release.',
  );
}
