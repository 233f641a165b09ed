import { EdgeloopError, isSystemError, messageOf } from '../../src/errors.ts';
import { advance, arrange, type Context, stateOfModel } from './context.ts';
import type { Version } from './device-state.ts';
import { watchProbation } from './probation.ts';
import { quarantine } from './quarantine.ts';
import { checkGolden, checkSignature, load, stage, warmUp } from './prove.ts';

export type Activation =
  | { kind: 'swapped'; swapMs: number }
  | { kind: 'quarantined'; reason: string }
  /** The operator or another document decided otherwise meanwhile. */
  | { kind: 'abandoned' };

/** More starts than this that never ended one way or the other, and the version is taken for the cause. */
const ATTEMPT_LIMIT = 5;

/**
 * Takes a version whose files are complete on this disk (state `fetched`) through all checks to `active`. A failed
 * check quarantines its digest; what serves is not touched before the flip.
 */
export async function activate(context: Context, model: string, version: Version): Promise<Activation> {
  const wanted = () => stateOfModel(context, model).candidate?.digest === version.digest;
  if ((stateOfModel(context, model).candidate?.attempts ?? 0) >= ATTEMPT_LIMIT) {
    return quarantine(
      context,
      model,
      version,
      `the agent ended ${ATTEMPT_LIMIT} times while it was activated`,
    );
  }
  try {
    await prove(context, model, version, wanted);
  } catch (error) {
    if (!wanted() || error === ABANDONED) return { kind: 'abandoned' };
    if (isOurs(error)) throw error;
    return quarantine(context, model, version, messageOf(error));
  }
  // Nothing else runs between the question, the journal and the message to the gateway.
  if (!wanted()) return { kind: 'abandoned' };
  advance(context, model, version, 'flip-decided');
  const { ms } = await arrange(context, model);
  watchProbation(context, model, version);
  return { kind: 'swapped', swapMs: ms };
}

const ABANDONED = new Error('not wanted any more');

async function prove(
  context: Context,
  model: string,
  version: Version,
  wanted: () => boolean,
): Promise<void> {
  const step = (event: 'staged' | 'loaded' | 'signature-matched' | 'golden-matched' | 'warmed-up') => {
    if (!wanted()) throw ABANDONED;
    advance(context, model, version, event);
  };
  const staged = await stage(context, model, version);
  step('staged');
  const loaded = await load(context, model, version, staged);
  step('loaded');
  checkSignature(staged, loaded);
  step('signature-matched');
  await checkGolden(context, model, version, staged);
  step('golden-matched');
  await warmUp(context, model, version, staged);
  step('warmed-up');
}

const OURS: ReadonlySet<string> = new Set([
  'journal-not-writable',
  'internal',
  'load-superseded',
  'version-not-loaded',
]);

/** A full disk, or another load that came between, says nothing about the version. */
function isOurs(error: unknown): boolean {
  return error instanceof EdgeloopError ? OURS.has(error.code) : !isSystemError(error, 'ENOENT');
}
