import { misuse } from '../errors.ts';
import { rollOut } from '../loop/rollout.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

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
    const document = await rollOut(await openProject(options, context), {
      model,
      version,
      channel: options.channel,
    });
    const { channel, sequence, digest } = document;
    const text = `${channel} names ${model} ${version} (document ${sequence})\n  model ${digest}`;
    return { json: { channel, sequence, model, version, digest }, text };
  });
}
