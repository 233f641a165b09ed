import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { commit, edgeloop, git, MODEL, registryFolder, require, type Stage } from './stage.ts';
import { plan, retrain } from './turn-loop.ts';

export interface Refusal {
  /** Why the gate refused, with the interval that decided it. */
  reasons: string[];
  metrics: Record<string, unknown>;
}

const errorSchema = z.object({ error: z.object({ code: z.string() }) });
const indexSchema = z.object({
  manifests: z.array(z.object({ annotations: z.record(z.string(), z.string()).optional() })),
});

/** A delivery whose export turned every yes and no around is trained, refused by the gate, and taken back. */
export async function badDelivery(stage: Stage, serving: string): Promise<Refusal> {
  const { project, narrator } = stage;
  narrator.step('A bad delivery arrives: its export turned yes and no around');
  const good = await readFile(join(project, 'data/train/churn-2.csv'), 'utf8');
  await writeFile(join(project, 'data/train/churn-3.csv'), labelsInverted(good));
  await commit(stage, 'The third part of the data');
  narrator.tell('git', 'committed data/train/churn-3.csv');
  const before = await versionsOf(stage);

  await plan(stage, { decision: 'train', changed: 'churn-3.csv' });
  const { reasons, metrics } = await retrain(stage, 3);
  require(reasons.some((reason) => reason.includes('interval')), `the gate said ${reasons.join('; ')}`);
  const { error } = await edgeloop(stage, errorSchema, ['release', MODEL], 3);
  require(error.code === 'gate-refused', `release said ${error.code}`);
  const after = await versionsOf(stage);
  require(after === before, `a refused candidate left a version: ${before} became ${after}`);
  narrator.tell('refused', 'retrain and release both ended with exit code 3; nothing was released');

  await git(stage, 'revert', '--no-edit', 'HEAD');
  narrator.tell('git', 'reverted that commit: the delivery is taken back');
  await plan(stage, { decision: 'unchanged', changed: serving });
  return { reasons, metrics };
}

/** The label is the last column. */
export function labelsInverted(csv: string): string {
  return csv.replace(/,(yes|no)(\r?)$/gm, (_, label: string, end: string) =>
    label === 'yes' ? `,no${end}` : `,yes${end}`,
  );
}

/** The versions that git tags and the registry name, as one text to compare. */
async function versionsOf(stage: Stage): Promise<string> {
  const tags = (await git(stage, 'tag', '--list', `${MODEL}@v*`)).trim().split('\n');
  const index: unknown = JSON.parse(await readFile(join(registryFolder(stage), MODEL, 'index.json'), 'utf8'));
  const published = indexSchema.parse(index).manifests.flatMap(({ annotations }) => {
    const tag = annotations?.['org.opencontainers.image.ref.name'];
    return tag !== undefined && /^\d/.test(tag) ? [tag] : [];
  });
  return [...tags, ...published.toSorted()].join(' ');
}
