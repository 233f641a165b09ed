// The house's own rules for workflows, and GitHub's own parser.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { read } from '../fixtures/project-files.ts';
import { problemsInAction, problemsInWorkflow } from './github-parser.ts';
import { actionsIn, ALL, OURS, workflowsIn, WRITTEN } from './repositories.ts';
import { breachesIn, stepsOf } from './rules.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const VERBS = '(plan|retrain|release|rollout|verify)';
const CHECKOUT = 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd';
const ATTEST = 'actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6';
/** What a repository of ours or of a user may call. */
const usesIn = (repository: { name: string }) =>
  new RegExp(
    repository.name === OURS.name
      ? `^(${CHECKOUT}|${ATTEST}|\\./actions/${VERBS})$`
      : `^(${CHECKOUT}|edgeloop/edgeloop/actions/${VERBS}@v0|\\./\\.github/workflows/rollout\\.yml)$`,
  );

const ACTIONS = actionsIn(ROOT);

describe.each(ALL)('the workflows of $name', (checked) => {
  const repository = checked.make();
  const each = workflowsIn(repository).map((path) => ({ path, content: read(repository, path) }));

  it('are those that they should be', () => {
    const names =
      checked.name === OURS.name
        ? ['azure-live', 'ci', 'example', 'publish']
        : ['release', 'retrain', 'rollout'];
    expect(each.map(({ path }) => path).toSorted()).toEqual(
      names.map((name) => `.github/workflows/${name}.yml`),
    );
  });

  it.each(each)('keep to the rules of the house: $path', ({ content }) => {
    expect(breachesIn(content, usesIn(checked))).toEqual([]);
    expect(content.match(/actions\/checkout@.*/g)).toEqual(
      content.match(/actions\/checkout@.*/g)?.map(() => `${CHECKOUT} # v6.0.2`) ?? null,
    );
  });

  it.each(each)("are what GitHub's own parser takes: $path", async ({ path, content }) => {
    expect(await problemsInWorkflow(path, content)).toEqual([]);
  });

  it.skipIf(ACTIONS.length === 0)(
    'give our actions the inputs that they have, and read the outputs that they have',
    () => {
      for (const { content } of each) {
        for (const { uses = '', with: given } of stepsOf(content)) {
          const [, verb = ''] = /(?:^\.|^edgeloop\/edgeloop)\/actions\/(\w+)/.exec(uses) ?? [];
          const file = join(ROOT, 'actions', verb, 'action.yml');
          if (verb === '' || !existsSync(file)) continue;
          const action = parse(read(ROOT, `actions/${verb}/action.yml`));
          expect({ verb, inputs: Object.keys(action.inputs) }).toEqual({
            verb,
            inputs: expect.arrayContaining(Object.keys(given)),
          });
          const asked = [...content.matchAll(/steps\.(\w+)\.outputs\.([\w-]+)/g)].filter(
            ([, id]) => id === verb,
          );
          expect({ verb, outputs: Object.keys(action.outputs) }).toEqual({
            verb,
            outputs: expect.arrayContaining(asked.map(([, , name]) => name)),
          });
        }
      }
    },
  );
});

describe.skipIf(ACTIONS.length === 0)('our actions', () => {
  it.each(ACTIONS)("are what GitHub's own parser takes: %s", (path) => {
    expect(problemsInAction(path, read(ROOT, path))).toEqual([]);
  });
});

describe('these checks', () => {
  const [written] = WRITTEN;
  const repository = written?.make() ?? '';
  const retrain = read(repository, '.github/workflows/retrain.yml');
  const uses = usesIn(written ?? OURS);
  const spoil = (from: string, to: string) => {
    expect(retrain).toContain(from);
    return retrain.replace(from, () => to);
  };

  it.each([
    ['permissions: {}', 'permissions: read-all', 'permissions on top are not {}'],
    ['timeout-minutes: 10', 'continue-on-error: true', 'plan has no timeout'],
    [/ {4}permissions:\n( {6}.*\n)+/.exec(retrain)?.[0] ?? '', '', 'plan has no permissions'],
    [`${CHECKOUT} # v6.0.2`, 'actions/checkout@v6', 'plan uses actions/checkout@v6'],
    ['edgeloop/edgeloop/actions/plan@v0', 'edgeloop/edgeloop/actions/plan@main', 'plan uses edgeloop/'],
    ['persist-credentials: false', 'persist-credentials: true', 'plan leaves the token'],
    ['      - id: plan', '      - run: echo ${{ github.ref }}\n      - id: plan', 'plan interpolates into'],
  ])('notice %j turned into %j', (from, to, breach) => {
    expect(breachesIn(spoil(from, to), uses)).toEqual([expect.stringContaining(breach)]);
  });

  it("notice what GitHub's own parser refuses", async () => {
    const wrong = spoil('timeout-minutes: 10', 'time-out-minutes: 10');
    expect(await problemsInWorkflow('retrain.yml', wrong)).toEqual([
      expect.stringContaining('time-out-minutes'),
    ]);
    const missing = spoil('needs: plan', 'needs: plans');
    expect(await problemsInWorkflow('retrain.yml', missing)).toEqual([expect.stringContaining('plans')]);
    const action = 'name: x\ndescription: x\nruns:\n  using: node24\n  entry: x.js\n';
    expect(problemsInAction('action.yml', action).join()).toContain('entry');
  });
});
