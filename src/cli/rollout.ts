import { misuse } from '../errors.ts';
import { rollOut } from '../loop/rollout.ts';
import type { ChannelDocument } from '../trust/index.ts';
import { openProject } from './project.ts';
import { type CommonOptions, type Outcome, runVerb } from './run-verb.ts';

/** `edgeloop rollout MODEL@VERSION --channel CHANNEL` */
export default function rollout(
  release: string,
  options: CommonOptions & { channel: string },
): Promise<void> {
  return runVerb(options, async (context) => {
    const [, model, version] = /^([^@]+)@v?(\d+\.\d+\.\d+)$/.exec(release) ?? [];
    if (model === undefined || version === undefined) {
      throw misuse(
        'usage',
        `"${release}" is not MODEL@VERSION`,
        'For example: edgeloop rollout churn@1.0.1 --channel production',
      );
    }
    const workspace = await openProject(options, context);
    return documentOutcome(await rollOut(workspace, { model, version, channel: options.channel }));
  });
}

/** What a channel names from now on. */
export function documentOutcome({ channel, sequence, model, version, digest }: ChannelDocument): Outcome {
  const text = `${channel} names ${model} ${version} (document ${sequence})\n  model ${digest}`;
  return { json: { channel, sequence, model, version, digest }, text };
}
