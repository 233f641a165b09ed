import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../package-root.ts';
import { nameEditorSchemas } from './editor-schemas.ts';
import { commit, git, require, type Stage } from './stage.ts';
import { follow, type ReleaseRecord, trainAndRelease } from './turn-loop.ts';

/** The example as a new git repository with the first part of its data, trained, released and rolled out. */
export async function firstVersion(stage: Stage): Promise<ReleaseRecord> {
  const { project, narrator } = stage;
  narrator.step('A repository with the first part of the data');
  await cp(join(packageRoot(), 'examples/churn'), project, { recursive: true });
  await rm(join(project, '.edgeloop'), { recursive: true, force: true });
  // npm leaves .gitignore files out of packages, and what Edgeloop makes here is not to be committed.
  await writeFile(join(project, '.gitignore'), '.edgeloop/\nnode_modules/\n');
  await nameEditorSchemas(project);
  await git(stage, 'init', '--quiet', '--initial-branch=main');
  const settings = {
    'user.name': 'Edgeloop quickstart',
    'user.email': 'quickstart@localhost',
    // Nobody is asked for a passphrase, whatever the user's own settings are.
    'commit.gpgsign': 'false',
    'tag.gpgsign': 'false',
  };
  for (const [name, value] of Object.entries(settings)) await git(stage, 'config', name, value);
  await commit(stage, 'The churn example with the first part of its data');
  narrator.tell('git', `repository ${project}`);
  return trainAndRelease(stage, { version: '1.0.0', bump: 'first', changed: 'first training' });
}

/** New data gives a patch version. */
export async function newData(stage: Stage): Promise<ReleaseRecord> {
  const { project, narrator } = stage;
  narrator.step('The second part of the data arrives');
  await rename(join(project, 'arrivals/churn-2.csv'), join(project, 'data/train/churn-2.csv'));
  await commit(stage, 'The second part of the data');
  narrator.tell('git', 'committed data/train/churn-2.csv');
  const release = await trainAndRelease(stage, { version: '1.0.1', bump: 'patch', changed: 'churn-2.csv' });
  await follow(stage, release.version);
  return release;
}

/** Another parameter gives a minor version. */
export async function newParameter(stage: Stage): Promise<ReleaseRecord> {
  const { project, narrator } = stage;
  narrator.step('A parameter changes');
  const file = join(project, 'edgeloop.yaml');
  const before = await readFile(file, 'utf8');
  const after = before.replace('trees: 120', 'trees: 150');
  require(after !== before, `${file} does not say "trees: 120"`);
  await writeFile(file, after);
  await commit(stage, '150 trees');
  narrator.tell('git', 'committed edgeloop.yaml: 150 trees instead of 120');
  const release = await trainAndRelease(stage, { version: '1.1.0', bump: 'minor', changed: 'trees' });
  await follow(stage, release.version);
  return release;
}
