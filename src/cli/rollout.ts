import { rollOut } from '../loop/rollout.ts';
import type { ChannelDocument } from '../trust/index.ts';
import { openProject } from './project.ts';
import { parseReleaseName } from './release-name.ts';
import { type CommonOptions, type Outcome, runVerb } from './run-verb.ts';

/** `edgeloop rollout MODEL@VERSION --channel CHANNEL [--allow-major]` */
export default function rollout(
  name: string,
  options: CommonOptions & { channel: string; allowMajor?: boolean },
): Promise<void> {
  return runVerb(options, async (context) => {
    const { model, version } = parseReleaseName(name, 'edgeloop rollout churn@1.0.1 --channel production');
    const workspace = await openProject(options, context);
    return documentOutcome(await rollOut(workspace, { model, version, ...options }));
  });
}

/** What a channel names from now on. */
export function documentOutcome({ channel, sequence, model, version, digest }: ChannelDocument): Outcome {
  const text = `${channel} names ${model} ${version} (document ${sequence})\n  model ${digest}`;
  return { json: { channel, sequence, model, version, digest }, text };
}
