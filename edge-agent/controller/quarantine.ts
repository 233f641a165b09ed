import { rm } from 'node:fs/promises';
import { advance, arrange, type Context, versionFolder } from './context.ts';
import type { Version } from './device-state.ts';

/** Gives a version up for good and removes it; its predecessor takes over when it was serving. */
export async function quarantine(
  context: Context,
  model: string,
  version: Version,
  reason: string,
  untilAbove?: number,
): Promise<{ kind: 'quarantined'; reason: string }> {
  advance(context, model, version, 'failed', { reason, ...(untilAbove === undefined ? {} : { untilAbove }) });
  context.log('error', `${model} ${version.version} is quarantined: ${reason}`, {
    model,
    digest: version.digest,
  });
  await arrange(context, model);
  await rm(versionFolder(context, model, version.digest), { recursive: true, force: true });
  return { kind: 'quarantined', reason };
}
