import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { churnProject } from '../fixtures/churn-project.ts';
import { edit, expectError, leftIn } from '../fixtures/expect-error.ts';

let project: string;
beforeEach(() => {
  project = churnProject();
});

describe('a wrong edgeloop.yaml', () => {
  it('is told with every error at once: line, column, what was found, the nearest valid name', () => {
    edit(
      project,
      'edgeloop.yaml',
      ['holdout: data', 'holdot: data'],
      ['code: training', 'code: 5'],
      ['trees: 120', 'trees: [120]'],
      ['timeout: 30m', 'timeout: 30'],
      ['label: churn', 'label:'],
      ['auc: {', 'acu: {'],
      ['tolerance: 15%', 'tolerance: much'],
      ['[production]', 'production'],
    );
    const file = `${project}/edgeloop.yaml`;
    const { stderr } = expectError(project, ['plan'], {
      exit: 2,
      code: 'config-invalid',
      says: ['edgeloop.yaml has 9 errors:', 'Correct the lines named above.'],
    });
    for (const line of [
      `${file}:10:5: "models.churn.data.holdout" is missing; expected a text`,
      `${file}:14:7: unknown key "models.churn.data.holdot"; did you mean "holdout"?`,
      `${file}:21:13: "models.churn.train.code": expected a text; found 5`,
      `${file}:23:24: "models.churn.train.params.trees": expected a text, a number, true or false; found [120]`,
      `${file}:27:16: "models.churn.train.timeout": expected a duration such as 60s, 30m or 2h; found 30`,
      `${file}:32:13: "models.churn.evaluate.label": expected a text; found nothing`,
      `${file}:38:9: unknown key "models.churn.evaluate.metrics.acu"; did you mean "auc"?`,
      `${file}:39:32: "models.churn.evaluate.metrics.log_loss.tolerance": expected a number such as 0.02, or a share of the champion such as 5%; found "much"`,
      `${file}:50:11: "channels": expected a list; found "production"`,
    ]) {
      expect(stderr.split('\n')).toContain(`  ${line}`);
    }
    expect(leftIn(project)).toEqual([]);
  });

  it.each([
    [
      'no YAML',
      'registry: oci:',
      'registry: [oci:',
      /edgeloop\.yaml:\d+:\d+: Flow sequence .* end with a \]\n/,
    ],
    [
      'a key twice',
      'channels: ',
      'registry: oci:x\nchannels: ',
      /edgeloop\.yaml:50:1: the key "registry" stands twice in its map; keep one\n/,
    ],
    [
      'a misspelt first key',
      'registry: oci',
      'regsitry: oci',
      /:6:1: "registry" is missing[^]*:6:1: unknown key "regsitry"; did you mean "registry"\?/,
    ],
    [
      'no metric',
      /metrics:\n.*\n.*\n/,
      'metrics: {}\n',
      /"models\.churn\.evaluate\.metrics": expected at least one/,
    ],
  ])('is told: %s', (_, from, to, says) => {
    edit(project, 'edgeloop.yaml', [from, to]);
    expectError(project, ['retrain', 'churn'], { exit: 2, code: 'config-invalid', says: [says] });
    expect(leftIn(project)).toEqual([]);
  });

  it('is told with the placeholders that there are', () => {
    edit(project, 'edgeloop.yaml', ['${{inputs.trees}}', '${{inputs.tress}}']);
    expectError(project, ['retrain', 'churn', '--allow-dirty'], {
      exit: 2,
      code: 'placeholder-unknown',
      says: ['${{inputs.tress}}', 'It may hold ${{inputs.trees}}, ${{inputs.train}}, ${{outputs.model}}'],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it('may be a folder', () => {
    rmSync(join(project, 'edgeloop.yaml'));
    mkdirSync(join(project, 'edgeloop.yaml'));
    expectError(project, ['plan'], {
      exit: 2,
      code: 'config-unreadable',
      says: [`${project}/edgeloop.yaml cannot be read`, '--config FILE'],
    });
    expect(leftIn(project)).toEqual([]);
  });
});

describe('a model name', () => {
  it.each(['Churn_1', 'c', '-x', 'churn-', '1a', 'ch/urn', '..'])('%s is not legal', (name) => {
    edit(project, 'edgeloop.yaml', ['\n  churn:', `\n  ${name}:`]);
    expectError(project, ['plan'], {
      exit: 2,
      code: 'config-invalid',
      says: [`edgeloop.yaml:9:3: "${name}": expected 2 to 63 characters: a-z first, then a-z, 0-9 and "-"`],
    });
    expect(leftIn(project)).toEqual([]);
  });

  it.each([
    ['retrain', 'chrun', 'Did you mean "churn"?'],
    ['plan', '../../etc', 'Name one of these models.'],
    ['release', 'constructor', 'Name one of these models.'],
    ['verify', 'hasOwnProperty', 'Name one of these models.'],
  ])('%s %s is not one of this project', (verb, name, remedy) => {
    expectError(project, [verb, name], {
      exit: 2,
      code: 'model-unknown',
      says: [`edgeloop.yaml has no model "${name}"; it has churn`, remedy],
    });
    expect(leftIn(project)).toEqual([]);
  });
});

const data = () => join(project, 'data/train');
const remove = () => rmSync(data(), { recursive: true });

describe('training data', () => {
  it.each<[string, () => void, string, string]>([
    [
      'missing',
      remove,
      'dataset-missing',
      'there is no PROJECT/data/train\n  Correct the path in edgeloop.yaml',
    ],
    [
      'empty',
      () => {
        remove();
        mkdirSync(data());
      },
      'dataset-empty',
      'PROJECT/data/train holds no file\n  Put the data there',
    ],
    [
      'a file in the way',
      () => {
        rmSync(join(project, 'data'), { recursive: true });
        writeFileSync(join(project, 'data'), '');
      },
      'dataset-missing',
      'there is no PROJECT/data/train\n',
    ],
    [
      'a loop of links',
      () => {
        remove();
        symlinkSync('train', data());
      },
      'dataset-not-a-file',
      'PROJECT/data/train is a symbolic link or a special file',
    ],
    [
      'a folder that leads back to itself',
      () => symlinkSync('.', join(data(), 'again')),
      'dataset-not-a-file',
      'PROJECT/data/train/again is a symbolic link or a special file, which a manifest cannot name\n  Replace it',
    ],
    [
      'a path longer than the system takes',
      () => edit(project, 'edgeloop.yaml', ['train: data/train', `train: data/${'x'.repeat(300)}`]),
      'dataset-unreadable',
      'cannot be read: ENAMETOOLONG',
    ],
  ])('%s', (_, damage, code, says) => {
    damage();
    for (const verb of [['plan'], ['retrain', 'churn', '--allow-dirty']]) {
      expectError(project, verb, { exit: 1, code, says: [says.replace('PROJECT', project)] });
    }
    expect(leftIn(project)).toEqual([]);
  });
});
