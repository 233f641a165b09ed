import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { git } from '../fixtures/churn-project.ts';
import { dropManifests, dropTags, referrersOf } from '../fixtures/disagreements.ts';
import { taggedManifests } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { copyOf } from '../fixtures/released-versions.ts';
import { rolledOut } from '../fixtures/rolled-out.ts';

const PROGRAM = join(import.meta.dirname, '../fixtures/repair-program.ts');
const DATASET = 'application/vnd.edgeloop.dataset-manifest.v1+jsonl';

/** Everything that a repair knows to mend is missing, in a copy of a project with an origin of its own. */
async function broken(released: string): Promise<string> {
  const project = copyOf(released);
  const origin = join(mkdtempSync(join(tmpdir(), 'edgeloop-origin-')), 'origin.git');
  execFileSync('git', ['clone', '--quiet', '--bare', project, origin]);
  git(project, 'remote', 'add', 'origin', origin);
  for (const folder of [project, origin]) git(folder, 'tag', '--delete', 'churn#production#1');
  git(project, 'tag', '--delete', 'churn@v1.0.0');
  dropManifests(project, ...(await referrersOf(project, '1.0.1', DATASET)));
  dropTags(
    project,
    '1.0.0',
    '1.0.0-model',
    '1.0.1',
    '1',
    '1.0',
    'channel-production',
    'channel-production.2',
  );
  return project;
}

function repair(project: string, killAt?: number): { signal: string | null; steps: string[] } {
  const args = [PROGRAM, String(killAt ?? 0)];
  const { signal, stdout } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
  return { signal, steps: stdout.split('\n').filter(Boolean) };
}

/** All that is tagged, but for documents of channels, which say when they were issued. */
function tagsOf(project: string): string[] {
  const tags = taggedManifests(project).filter(({ tag }) => !tag.startsWith('channel-'));
  return tags.map(({ tag, digest }) => `${tag} ${digest}`).toSorted();
}

it('a repair that is killed at any step is finished by the next one', async () => {
  const { project } = rolledOut();
  const whole = await broken(project);
  const { signal, steps } = repair(whole);
  expect(signal).toBeNull();
  expect(steps).toHaveLength(9);
  expect(json(whole, 0, 'verify')).toEqual({ ok: true, findings: [] });

  for (const at of steps.keys()) {
    const copy = await broken(project);
    const killed = repair(copy, at + 1);
    const begun = killed.steps.slice(0, at + 1);
    expect({ signal: killed.signal, begun }).toEqual({ signal: 'SIGKILL', begun: steps.slice(0, at + 1) });
    expect(json(copy, 0, 'verify', '--repair')).toMatchObject({ ok: true, findings: [] });
    expect(tagsOf(copy)).toEqual(tagsOf(project));
    expect(json(copy, 0, 'verify')).toEqual({ ok: true, findings: [] });
  }
});
