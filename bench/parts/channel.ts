import { openRegistry } from '../../src/oci/index.ts';
import { newDocument, readChannel, writeChannel } from '../../src/rollout/index.ts';

/** Points the channel `production` of a model at a version; returns the document's sequence. */
export async function moveChannel(
  registry: string,
  model: string,
  { version, digest }: { version: string; digest: string },
): Promise<number> {
  const repository = openRegistry(registry).repository(model);
  const sequence = ((await readChannel(repository, 'production'))?.document.sequence ?? 0) + 1;
  const document = newDocument(sequence, { channel: 'production', model, version, digest }, new Date());
  await writeChannel(repository, document);
  return document.sequence;
}
