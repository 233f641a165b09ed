import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROGRAM } from '../fixtures/churn-project.ts';
import { emptyRepository } from '../fixtures/init-repository.ts';
import { json } from '../fixtures/json-answer.ts';
import { read } from '../fixtures/project-files.ts';
import { talkOnTerminal, type Typist } from '../fixtures/terminal.ts';

const INIT = `'${process.execPath}' '${PROGRAM}' init`;

const QUESTIONS = [
  'Name',
  'Training data',
  'Labelled',
  'Training code',
  'Command',
  'Lock file',
  'Column',
  'predicts',
];

/** Answers the questions in order; an empty answer takes what is offered. */
async function answer(typist: Typist, answers: readonly string[]): Promise<void> {
  for (const [index, keys] of answers.entries()) await typist.after(QUESTIONS[index] ?? '', `${keys}\r`);
}

const modelOf = (repository: string) => parse(read(repository, 'edgeloop.yaml')).models;

describe('init on a terminal', () => {
  it('asks for each setting, offers one, and asks again for what cannot be', async () => {
    const repository = emptyRepository();
    const typist = talkOnTerminal(repository, INIT);
    await typist.after('Name of the model [wine-quality]: ', 'Wine!\r');
    await typist.after('expected 2 to 63 characters', '');
    await answer(typist, ['wine', '', 'data/test.csv', 'src', '', 'poetry.lock', 'quality', 'forest']);
    await typist.after('expected one of', '');
    await typist.after('predicts', 'regression\r');
    const { code, written } = await typist.ended;
    expect({ code, written }).toEqual({ code: 0, written: expect.stringContaining('Written:') });
    expect(modelOf(repository)).toEqual({
      wine: {
        data: { train: 'data/train', holdout: 'data/test.csv' },
        train: {
          run: 'python3 training/train.py --data ${{inputs.train}} --out ${{outputs.model}}',
          code: 'src',
          params: {},
          environment: 'poetry.lock',
          timeout: '30m',
        },
        evaluate: {
          task: 'regression',
          label: 'quality',
          metrics: { rmse: { tolerance: '5%' } },
          slices: [],
          budget: {},
        },
      },
    });
    expect(Object.keys(parse(read(repository, 'agent.yaml')).models)).toEqual(['wine']);
  });

  it('writes what was typed as it was typed, whatever YAML would make of it', async () => {
    const repository = emptyRepository();
    const hostile = [
      'null',
      '- a: [b',
      'it\'s "data" # no comment',
      '*anchor',
      `python3 -c 'print("a: b")' && echo {x} | cat # \${{inputs.train}} \\n !tag ünï ✓`,
      '? key',
      'yes',
    ];
    const typist = talkOnTerminal(repository, INIT);
    await answer(typist, [...hostile, '']);
    expect((await typist.ended).code).toBe(0);
    const { data, train, evaluate } = modelOf(repository).null;
    const found = [data.train, data.holdout, train.code, train.run, train.environment, evaluate.label];
    expect(found).toEqual(hostile.slice(1));
    expect(Object.keys(parse(read(repository, 'agent.yaml')).models)).toEqual(['null']);
    expect(json(repository, 1, 'plan').error.code).toBe('dataset-missing');
  });

  it.each([
    ['Ctrl-C', '\u0003', undefined],
    ['Ctrl-D', '\u0004', undefined],
    ['a terminal that is gone', '', 'leave'],
  ])('%s ends it in order, with nothing written', async (_, keys, leave) => {
    const repository = emptyRepository();
    const typist = talkOnTerminal(repository, INIT);
    await answer(typist, ['wine']);
    await typist.after('Training data', keys);
    if (leave !== undefined) typist.leave();
    const { code, written } = await typist.ended;
    expect({ code, written }).toEqual({ code: 1, written: expect.stringContaining('cancelled') });
    expect(written).not.toMatch(/\n\s+at |internal-error/);
    expect(readdirSync(repository)).toEqual(['.git']);
  });

  it.each(['--json', '--example churn'])('asks nothing with %s', async (option) => {
    const repository = emptyRepository();
    const { code, written } = await talkOnTerminal(repository, `${INIT} ${option}`).ended;
    expect({ code, asked: /\[data\/train\]/.test(written) }).toEqual({ code: 0, asked: false });
    expect(existsSync(join(repository, 'edgeloop.yaml'))).toBe(true);
  });

  it('asks nothing where an edgeloop.yaml is there', async () => {
    const repository = emptyRepository();
    json(repository, 0, 'init');
    const { code, written } = await talkOnTerminal(repository, INIT).ended;
    expect({ code, written }).toEqual({ code: 0, written: expect.stringContaining('Kept as it was:') });
  });
});
