import { z } from 'zod';
import { CHANNEL, edgeloop, MODEL, require, type Stage } from './stage.ts';
import { requireOnly, swapTo } from './traffic.ts';
import { pollDevice } from './turn-loop.ts';

const rollbackSchema = z.object({
  rollback: z.object({ to: z.object({ version: z.string() }), rollbackMs: z.number() }),
});
const channelSchema = z.object({ sequence: z.int(), version: z.string() });

/**
 * The device goes back to the version before at once, then the channel does. Returns the milliseconds from the request
 * until the predecessor answers, by the agent's own clock.
 */
export async function rollBack(stage: Stage, version: string): Promise<number> {
  const { narrator, traffic } = stage;
  narrator.step('Back to the version before');
  const { did } = await swapTo(stage, { version, by: 'rollback' }, () =>
    edgeloop(stage, rollbackSchema, ['device', 'rollback', MODEL]),
  );
  const { to, rollbackMs } = did.rollback;
  require(to.version === version, `device rollback said ${JSON.stringify(did)}`);
  narrator.tell('device', `${version} again after ${rollbackMs.toFixed(1)} ms: it was kept warm`);

  const since = performance.now();
  const document = await edgeloop(stage, channelSchema, ['rollback', MODEL, '--channel', CHANNEL]);
  require(document.version === version, `rollback said ${JSON.stringify(document)}`);
  narrator.tell('rollback', `${CHANNEL} names ${MODEL} ${version} again (document ${document.sequence})`);
  await pollDevice(stage, { outcome: 'up-to-date', version });
  requireOnly(traffic, version, since);
  return rollbackMs;
}
