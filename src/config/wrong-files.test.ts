import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EdgeloopError } from '../errors.ts';
import { loadConfig } from './index.ts';

const VALID = `registry: oci:.edgeloop/registry
models:
  churn:
    data:
      train: data/train
      holdout: data/holdout.csv
    train:
      run: train --data \${{inputs.train}}
      code: training
      params: { trees: 120 }
      environment: lock
      target: local
      timeout: 30m
    evaluate:
      task: binary-classification
      label: churn
      metrics:
        auc: { min: 0.85, tolerance: 0.02 }
        log_loss: { tolerance: 5% }
`;

function load(content: string | Uint8Array): { timeout: number | undefined; errors: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-wrong-'));
  const file = join(folder, 'edgeloop.yaml');
  writeFileSync(file, content);
  try {
    return { timeout: loadConfig(folder, undefined, {}).models['churn']?.train.timeout, errors: [] };
  } catch (error) {
    if (!(error instanceof EdgeloopError) || error.exitCode !== 2) throw error;
    const [, ...lines] = error.message.split('\n');
    const errors = error.code === 'config-invalid' ? lines : [error.message];
    return { timeout: undefined, errors: errors.map((line) => line.trim().replace(`${file}:`, '')) };
  }
}

const change = (from: string, to: string): string => {
  expect(VALID).toContain(from);
  return VALID.replace(from, () => to);
};
const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);

describe('a file that somebody wrote in another editor', () => {
  it.each([
    ['with a byte order mark', `\uFEFF${VALID}`],
    ['with the line ends of Windows', VALID.replaceAll('\n', '\r\n')],
    ['with an alias', VALID.replace('0.02', '&limit 0.02').replace('5%', '*limit')],
    ['with an end of the document', `---\n${VALID}...\n`],
  ])('%s is read', (_, text) => {
    expect(load(text)).toEqual({ timeout: 1_800_000, errors: [] });
  });

  it.each([
    ['a byte order mark', `\uFEFF${change('30m', '30')}`],
    ['the line ends of Windows', change('30m', '30').replaceAll('\n', '\r\n')],
  ])('with %s is told at the right place', (_, text) => {
    expect(load(text).errors).toEqual([
      '13:16: "models.churn.train.timeout": expected a duration such as 60s, 30m or 2h; found 30',
    ]);
  });
});

const WRONG: [string, () => string | Uint8Array, string[]][] = [
  ['UTF-16', () => utf16(VALID), [expect.stringMatching(/edgeloop\.yaml is not UTF-8 text$/)]],
  ['a tab', () => change('  churn:', '\tchurn:'), ['3:1: found a tab; expected spaces in front of a key']],
  [
    'a key twice',
    () => change('      code: training', '      code: training\n      code: other'),
    ['10:7: the key "code" stands twice in its map; keep one'],
  ],
  [
    'a key that is shifted',
    () => change('    evaluate:', '   evaluate:'),
    ['14:1: expected the same indentation as that of the other keys of its map'],
  ],
  [
    'a list where a map belongs',
    () => change('params: { trees: 120 }', 'params: [trees, 120]'),
    ['10:15: "models.churn.train.params": expected a map; found ["trees",120]'],
  ],
  [
    'a map where a text belongs',
    () => change('label: churn', 'label: { column: churn }'),
    ['16:7: "models.churn.evaluate.label": expected a text; found {"column":"churn"}'],
  ],
  [
    'a text where a list belongs',
    () => `${VALID}channels: production\n`,
    ['20:11: "channels": expected a list; found "production"'],
  ],
  [
    'no value',
    () => change('label: churn', 'label:'),
    ['16:13: "models.churn.evaluate.label": expected a text; found nothing'],
  ],
  [
    'a long value',
    () => change('trees: 120', `trees: [${'1, '.repeat(100)}]`),
    [
      `10:24: "models.churn.train.params.trees": expected a text, a number, true or false; found [${'1,'.repeat(39)}1...`,
    ],
  ],
  [
    'an alias without an anchor',
    () => change('5%', '*limit'),
    ['19:32: found the alias *limit; expected an anchor &limit before it'],
  ],
  [
    'an alias inside of its anchor',
    () => change('trees: 120', 'trees: &all [*all]'),
    ['10:30: the alias *all stands inside of what it names'],
  ],
  [
    'aliases of aliases',
    () =>
      [
        'a: &a [x,x,x,x,x,x,x]',
        'b: &b [*a,*a,*a,*a,*a,*a]',
        'c: &c [*b,*b,*b,*b,*b,*b]',
        'd: [*c,*c,*c]\n',
      ].join('\n'),
    ['1:1: its aliases stand for too many values; write them out'],
  ],
  [
    'nothing',
    () => '',
    ['1:1: "registry" is missing; expected a text', '1:1: "models" is missing; expected a map'],
  ],
  ['a text', () => 'just text', ['1:1: "the file": expected a map; found "just text"']],
  [
    'two documents',
    () => `${VALID}---\n${VALID}`,
    ['20:1: found a second document ("---"); expected one document in the file'],
  ],
  [
    'a number as the name of a model',
    () => change('  churn:', '  1:'),
    ['3:3: "1": expected 2 to 63 characters: a-z first, then a-z, 0-9 and "-", which may not be last'],
  ],
  [
    'a number as the name of a param',
    () => change('trees: 120', '1: 120'),
    ['10:17: "1": expected a letter or "_" first, then letters, digits and "_"'],
  ],
  [
    'a template that was not filled in',
    () => change('oci:.edgeloop/registry', '{{ registry }}'),
    ['1:12: found a list or a map as a key; put a text that begins with "[" or "{" in quotes'],
  ],
  [
    'a metric in capitals',
    () => change('auc:', 'AUC:'),
    ['18:9: unknown key "models.churn.evaluate.metrics.AUC"; did you mean "auc"?'],
  ],
  [
    'an unknown metric',
    () => change('auc:', 'kappa:'),
    [
      '18:9: unknown key "models.churn.evaluate.metrics.kappa"; expected one of auc, log_loss, accuracy, f1, macro_f1, average_precision, precision, recall, brier, calibration_error, rmse, mae, r2, mape, quantile_loss',
    ],
  ],
  [
    'a quantile of which there is nothing below',
    () =>
      change('log_loss: {', 'quantile_loss: { quantile: 0,').replace('binary-classification', 'regression'),
    [
      '18:9: "models.churn.evaluate.metrics.auc": regression has no such metric; expected one of rmse, mae, r2, mape, quantile_loss',
      '19:36: "models.churn.evaluate.metrics.quantile_loss.quantile": expected a number above 0 and below 1; found 0',
    ],
  ],
  [
    'a quantile of a metric that has none',
    () => change('log_loss: {', 'log_loss: { quantile: 0.9,'),
    [
      '19:21: unknown key "models.churn.evaluate.metrics.log_loss.quantile"; expected one of min, max, tolerance',
    ],
  ],
  [
    'a misspelt task',
    () => change('binary-classification', 'binary_clasification'),
    [
      '15:13: "models.churn.evaluate.task": expected one of binary-classification, multiclass-classification, regression; found "binary_clasification"; did you mean "binary-classification"?',
    ],
  ],
  [
    'a target in capitals',
    () => change('target: local', 'target: Local'),
    [
      '12:15: "models.churn.train.target": expected one of local, azureml; found "Local"; did you mean "local"?',
    ],
  ],
  [
    'a tag that nobody knows',
    () => change('trees: 120', 'trees: !env TREES'),
    ['10:24: Unresolved tag: !env'],
  ],
  [
    'no space behind a colon',
    () => change('code: training', 'code:training'),
    ['9:7: found "code" where a key should stand; expected KEY: VALUE, with a space behind the colon'],
  ],
  [
    'no colon',
    () => change('registry: oci', 'registry oci'),
    ['1:1: found "registry" where a key should stand; expected KEY: VALUE, with a space behind the colon'],
  ],
  [
    'a second colon',
    () => change('label: churn', 'label: churn: yes'),
    [
      '16:14: found a second ": " in one line; put a text that holds one in quotes, a map on lines of its own',
    ],
  ],
  [
    'an escape that is none',
    () => change('run: train', 'run: "train \\. now" #'),
    ['8:19: Invalid escape sequence \\.'],
  ],
  [
    'a quote that is not closed',
    () => change('run: train', 'run: "train'),
    ['8:12: the quote that begins here is never closed'],
  ],
];

describe('a file with', () => {
  it.each(WRONG)('%s is told with place, what was found and what was expected', (_, content, errors) => {
    expect(load(content()).errors).toEqual(errors);
  });
});
