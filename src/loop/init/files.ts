import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { type ProjectAnswers, projectSkeleton, quoted, SCHEMA_ADDRESS } from '../../config/index.ts';
import type { Target } from './target.ts';

/** A file for the repository. */
export interface NewFile {
  /** Below the repository's top, with `/`. */
  path: string;
  content: string | Uint8Array;
}

/** What a training or an installation leaves in an example's folder. */
const LEFT_BEHIND = /(^|\/)(\.edgeloop|node_modules|\.venv|__pycache__)(\/|$)/;

/** Written for every project; the first of them is not copied but made of the answers. */
const SCAFFOLD = ['edgeloop.yaml', 'agent.yaml', '.github/zizmor.yml'];
const WORKFLOWS = ['retrain', 'release', 'rollout'].map((name) => `.github/workflows/${name}.yml`);

/** The files of a project that is described by these answers; `templates` is the folder of the churn example. */
export function projectFiles(target: Target, templates: string, answers: ProjectAnswers): NewFile[] {
  const models = target.models ?? [answers.model];
  return [...SCAFFOLD, ...WORKFLOWS]
    .map((path) => ({ path, content: readFileSync(join(templates, path), 'utf8') }))
    .map(({ path, content }) => ({
      path,
      content:
        path === 'edgeloop.yaml'
          ? projectSkeleton(target.registry, answers)
          : fitted(path, content, { ...target, models }),
    }))
    .concat({ path: '.gitignore', content: '.edgeloop/\n' });
}

/** All files of the churn example. */
export function exampleFiles(target: Target, templates: string): NewFile[] {
  return (
    readdirSync(templates, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(templates, join(entry.parentPath, entry.name)).split(sep).join('/'))
      // npm leaves .gitignore files out of packages.
      .filter((path) => !LEFT_BEHIND.test(path) && path !== '.gitignore')
      .map((path): NewFile => {
        const content = readFileSync(join(templates, path));
        const isFitted = SCAFFOLD.includes(path) || WORKFLOWS.includes(path);
        return { path, content: isFitted ? fitted(path, content.toString(), target) : content };
      })
      .concat({ path: '.gitignore', content: '.edgeloop/\nnode_modules/\n.venv/\n__pycache__/\n' })
      .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  );
}

/** A file of the example with the names of another repository in it. */
function fitted(path: string, text: string, target: Target): string {
  if (WORKFLOWS.includes(path)) return workflow(text, target);
  const named = text
    .replace('$schema=../../schema/', () => `$schema=${SCHEMA_ADDRESS}`)
    .replace(/^registry: .*$/m, () => `registry: ${quoted(target.registry)}`);
  return path === 'agent.yaml' ? agent(named, target) : named;
}

function agent(text: string, { models = ['churn'], channel }: Target): string {
  const [head = '', model = ''] = text.split(/(?<=^models:\n)/m);
  const each = models.map((name) => model.replace('churn', quoted(name)));
  return `${head.replace('channel: production', `channel: ${quoted(channel)}`)}${each.join('')}`;
}

function workflow(text: string, { branch, channel }: Target): string {
  const fitting = text.replaceAll('default: production', `default: ${quoted(channel)}`);
  if (!isPlainBranch(branch)) return fitting;
  return fitting
    .replaceAll('refs/heads/main', `refs/heads/${branch}`)
    .replace('branches: [main]', `branches: [${quoted(branch)}]`);
}

/** A name that means the same in YAML, in an expression and in a branch filter, which takes patterns. */
export function isPlainBranch(branch: string): boolean {
  return /^\w[\w./-]*$/.test(branch);
}
