import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig, type ProjectAnswers } from '../../config/index.ts';
import { byHand } from './by-hand.ts';
import { exampleFiles, type NewFile, projectFiles } from './files.ts';
import { findTarget } from './target.ts';
import { type Written, writeNew } from './write-new.ts';

export interface InitDeps {
  cwd: string;
  /** The folder of the churn example, whose files are the templates. */
  templates: string;
  /** Asks what a new `edgeloop.yaml` should say, given what it would say without an answer. */
  ask: (defaults: ProjectAnswers) => Promise<ProjectAnswers>;
  signal: AbortSignal;
}

export interface Initialized extends Written {
  /** What is left to do outside of these files: a sentence each. */
  byHand: string[];
  registry: string;
}

/**
 * Writes what a repository needs to be looked after, or all of the churn example. Keeps every file that is there, and
 * writes nothing unless it can write all. Asks only for a new `edgeloop.yaml`.
 */
export async function initProject(deps: InitDeps, wants: { example: boolean }): Promise<Initialized> {
  const { cwd, templates, signal } = deps;
  const target = await findTarget(cwd);
  const files = wants.example
    ? exampleFiles(target, templates)
    : projectFiles(target, templates, await answersFor(deps, target));
  checkConfig(files, target.top);
  const policy = ['zizmor.yml', 'zizmor.yaml', '.github/zizmor.yaml'].find((path) =>
    existsSync(join(target.top, path)),
  );
  // A second policy would put the team's own one out of force.
  const wanted = policy === undefined ? files : files.filter(({ path }) => path !== '.github/zizmor.yml');
  const todo = byHand(target, wants);
  if (policy !== undefined)
    todo.unshift(
      `${policy}: allow ref pins for edgeloop/*, as .github/zizmor.yml of Edgeloop's churn example does`,
    );
  return { ...(await writeNew(target.top, wanted, signal)), byHand: todo, registry: target.registry };
}

function answersFor(
  { ask }: InitDeps,
  { models, name }: { models: string[] | undefined; name: string },
): Promise<ProjectAnswers> {
  const defaults: ProjectAnswers = {
    model: name,
    train: 'data/train',
    holdout: 'data/holdout.csv',
    code: 'training',
    run: 'python3 training/train.py --data ${{inputs.train}} --out ${{outputs.model}}',
    environment: 'requirements.txt',
    task: 'binary-classification',
    label: 'label',
  };
  return models === undefined ? ask(defaults) : Promise.resolve(defaults);
}

/** What somebody answered may still be no setting; better told now than by the first `plan`. */
function checkConfig(files: readonly NewFile[], top: string): void {
  const config = files.find(({ path }) => path === 'edgeloop.yaml');
  parseConfig(String(config?.content), 'edgeloop.yaml', top);
}
