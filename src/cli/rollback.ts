import { rollBack } from '../loop/rollout.ts';
import { openProject } from './project.ts';
import { documentOutcome } from './rollout.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop rollback MODEL --channel CHANNEL [--to VERSION]` */
export default function rollback(
  model: string,
  options: CommonOptions & { channel: string; to?: string },
): Promise<void> {
  return runVerb(options, async (context) => {
    const workspace = await openProject(options, context);
    const to = options.to === undefined ? {} : { to: options.to.replace(/^v/, '') };
    return documentOutcome(await rollBack(workspace, { model, channel: options.channel, ...to }));
  });
}
