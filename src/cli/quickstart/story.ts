import { badDelivery, type Refusal } from './bad-delivery.ts';
import { startDevice } from './device.ts';
import { firstVersion, newData, newParameter } from './new-versions.ts';
import { losePower } from './power-loss.ts';
import { rollBack } from './roll-back.ts';
import { pause, type Stage } from './stage.ts';
import { beginLoad, endLoad, figuresOf, quiet } from './traffic.ts';
import type { ReleaseRecord } from './turn-loop.ts';

/** A new process answers its first requests slowly: they count, but not as the steady state. */
const WARM_UP_MS = 500;

export interface StoryResult extends ReturnType<typeof figuresOf> {
  releases: ReleaseRecord[];
  refused: Refusal;
  /** From the request until the predecessor answers, by the agent's own clock. */
  rollbackMs: number;
  /** From the start of the agent until it is ready, after it was killed and without a registry. */
  restartMs: number;
}

/** The loop as a team would see it, every step a process of its own. Throws when a step does not do what it says. */
export async function tellStory(stage: Stage): Promise<StoryResult> {
  try {
    const first = await firstVersion(stage);
    stage.narrator.step('A device serves it');
    const device = await startDevice(stage, first.version);
    await beginLoad(stage, device.url, first.version);
    await pause(stage, WARM_UP_MS);
    await quiet(stage, 2000);

    const second = await newData(stage);
    await quiet(stage, 1000);
    const third = await newParameter(stage);
    await quiet(stage, 1000);
    const refused = await badDelivery(stage, third.version);
    const rollbackMs = await rollBack(stage, second.version);
    const restartMs = await losePower(stage, device, second.version);
    return { releases: [first, second, third], refused, rollbackMs, restartMs, ...figuresOf(stage.traffic) };
  } finally {
    await endLoad(stage);
  }
}
