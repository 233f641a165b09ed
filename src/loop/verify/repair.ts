import { EdgeloopError } from '../../errors.ts';
import type { Workspace } from '../workspace.ts';
import { type Finding, type Repairable, unreadable } from './finding.ts';
import { compareModel, verifyModel } from './verify-model.ts';

/** Something that was made again. */
export interface Repaired {
  /** The finding's. */
  code: string;
  model: string;
  subject: string;
  /** What was done, in words. */
  done: string;
}

export interface RepairResult {
  /** What is left afterwards, and what could not be written. */
  findings: Finding[];
  repaired: Repaired[];
}

/** One mend may let another be seen: a fetched tag is a release, whose registry tags may be missing. */
const MOST_ROUNDS = 5;
const ORIGIN = 'origin';

/**
 * Makes again what git, lock files and model manifests are enough for, then verifies. Nothing that was released is
 * moved, and nothing is made up: what is lost or altered stays a finding. It can be cut off and done again.
 */
export async function repairModel(workspace: Workspace, model: string): Promise<RepairResult> {
  const repaired: Repaired[] = [];
  const failed = new Map<string, Finding>();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { checking, complete, unfetched } = await compareModel(workspace, model);
    const { found } = checking;
    if (!complete) {
      if (found.some(({ repair }) => repair !== undefined)) failed.set(ORIGIN, notReached(model));
      break;
    }
    const { length } = repaired;
    for (const one of found) {
      const { code, subject } = one.finding;
      const key = keyOf(one.finding);
      if (failed.has(key)) continue;
      if (unfetched.size > 0 && code !== 'tag-not-fetched') continue;
      const result = await mend(workspace, one);
      if (typeof result === 'string') repaired.push({ code, model, subject, done: result });
      if (typeof result === 'object') failed.set(key, result);
    }
    if (repaired.length === length) break;
  }
  const left = await verifyModel(workspace, model);
  const isLeft = new Set([ORIGIN, ...left.map(keyOf)]);
  const failures = [...failed].flatMap(([key, failure]) => (isLeft.has(key) ? [failure] : []));
  return { findings: [...left, ...failures], repaired };
}

const keyOf = ({ code, subject }: Finding): string => `${code} ${subject}`;

/** What was done; why it failed; or `undefined` for what can't be made again, here or at all. */
async function mend(
  workspace: Workspace,
  { finding, repair }: Repairable,
): Promise<string | Finding | undefined> {
  if (repair === undefined) return undefined;
  const { code, subject, model } = finding;
  workspace.deps.log('debug', `repair ${model}: ${code} ${subject}`, { step: `${code} ${subject}` });
  try {
    return await repair();
  } catch (error) {
    workspace.deps.signal.throwIfAborted();
    if (!(error instanceof EdgeloopError)) throw error;
    return { ...unreadable(subject, error), model };
  }
}

/** Which version is the newest, nobody knows then: a moving tag might be taken back. */
function notReached(model: string): Finding {
  return {
    code: 'origin-not-reached',
    model,
    subject: 'origin',
    message: 'nothing was repaired: origin cannot be reached, and may have newer tags than this clone',
    mend: `See what git says (git ls-remote origin), then run again: edgeloop verify ${model} --repair`,
  };
}
