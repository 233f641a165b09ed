import type { Holdings } from '../messages.ts';
import type { Context } from './context.ts';
import type { Version } from './device-state.ts';
import { checkGolden, checkSignature, load, stage } from './prove.ts';

/**
 * Makes sure that the gateway holds a version that was active before: loads it from disk and proves it again, outside
 * the state machine, unless it is held. Throws when its copy does not pass its checks any more.
 */
export async function ensureHeld(
  context: Context,
  model: string,
  version: Version,
  holdings?: Holdings,
): Promise<void> {
  const held = holdings ?? (await context.gateway.call('holdings', {}))[model];
  const hosts = [held?.current, held?.previous, held?.loading];
  if (hosts.some((host) => host?.digest === version.digest)) return;
  const staged = await stage(context, model, version);
  checkSignature(staged, await load(context, model, version, staged));
  await checkGolden(context, model, version, staged);
}
