import { rm } from 'node:fs/promises';
import { EdgeloopError, refusal } from '../../src/errors.ts';
import { CARD_FILE, parseCard } from '../../src/onnx/index.ts';
import { pullModel, readPackedFile, type Repository } from '../../src/oci/index.ts';
import { type Context, versionFolder } from './context.ts';
import type { Version } from './device-state.ts';
import { THIS_DEVICE, unmetRequirements } from './requirements.ts';

/**
 * Reads the card before anything else is fetched. Throws the refusal `requirements-unmet`, or `card-invalid`,
 * `card-of-another-model`, and what reading the registry throws.
 */
export async function checkCard(
  repository: Repository,
  model: string,
  { version, digest }: Version,
): Promise<void> {
  const card = parseCard(await readPackedFile(repository, digest, CARD_FILE));
  if (card.model !== model) {
    throw refusal(
      'card-of-another-model',
      `the card of ${digest} is for model "${card.model}", not "${model}"`,
      'Roll out a version of this model.',
    );
  }
  const unmet = unmetRequirements(card, THIS_DEVICE);
  if (unmet.length === 0) return;
  throw refusal(
    'requirements-unmet',
    `version ${version} cannot run on this device: ${unmet.join('; ')}`,
    'Roll out a version that fits, or bring the agent up to date.',
  );
}

/** Brings all files of a version to this disk, every byte checked; does nothing when they are there. */
export async function fetchVersion(context: Context, model: string, { digest }: Version): Promise<void> {
  const repository = context.registry.repository(model);
  const folder = versionFolder(context, model, digest);
  try {
    await pullModel(repository, digest, folder);
  } catch (error) {
    if (!(error instanceof EdgeloopError) || error.code !== 'target-exists') throw error;
    // A copy that a power cut or a bad disk left incomplete.
    await rm(folder, { recursive: true, force: true });
    await pullModel(repository, digest, folder);
  }
}

const DAMAGED: ReadonlySet<string> = new Set([
  'digest-mismatch',
  'card-invalid',
  'card-of-another-model',
  'manifest-invalid',
  'manifest-too-large',
  'not-a-model',
  'too-many-layers',
  'layer-damaged',
  'layer-unsafe',
]);

/** True when what the registry holds under the digest is wrong, so that asking again would not help. */
export function isDamaged(error: unknown): error is EdgeloopError {
  return error instanceof EdgeloopError && DAMAGED.has(error.code);
}
