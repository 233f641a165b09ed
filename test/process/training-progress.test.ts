import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { churnProject, commit, PROGRAM } from '../fixtures/churn-project.ts';
import { trainWith } from '../fixtures/expect-error.ts';
import { onTerminal, rowsAfter } from '../fixtures/terminal.ts';

const COLUMNS = 50;
const ESCAPE = '\u001B';
const LONG = 'the loss of this epoch is printed on a row that is too long for the terminal';
const MARK = 'the training is over';
const RETRAIN = `'${process.execPath}' '${PROGRAM}' retrain churn`;

/** All that was drawn while the training ran, frame by frame: a frame begins where the bottom row is cleared. */
const framesOf = (written: string) => {
  const during = written.slice(0, written.indexOf(MARK));
  return during
    .split(`\r${ESCAPE}[K`)
    .map((_, index, all) =>
      rowsAfter(`${all.slice(0, index + 1).join(`\r${ESCAPE}[K`)}${ESCAPE}[?7h`, COLUMNS),
    );
};

let project: string;
beforeEach(() => {
  project = churnProject();
  const lines = [
    `echo 'epoch 1'`,
    'sleep 1.2',
    `echo '${LONG}' >&2`,
    'sleep 0.3',
    `printf '\\033[31mred\\033[2A\\007\\n'`,
  ];
  writeFileSync(
    join(project, 'training/slow.sh'),
    `${lines.join('\n')}\nsleep 0.3\necho '${MARK}'\nexit 3\n`,
  );
  trainWith(project, 'sh training/slow.sh');
});

describe('a training on a terminal', () => {
  it('shows at the bottom its model, its seconds and its last line, in one row that is redrawn', () => {
    const { code, written } = onTerminal(project, RETRAIN, { columns: COLUMNS });
    expect(code).toBe(1);
    const frames = framesOf(written);
    const bottoms = frames.map((rows) => rows.at(-1) ?? '');
    expect(bottoms).toContainEqual(expect.stringMatching(/^[⠋-⠿] {2}churn {2}0 s {2}epoch 1$/));
    expect(bottoms).toContainEqual(expect.stringMatching(/^[⠋-⠿] {2}churn {2}1 s {2}epoch 1$/));
    expect(bottoms).toContainEqual(
      expect.stringMatching(/^[⠋-⠿] {2}churn {2}1 s {2}the loss of this epoch is printed/),
    );
    expect(Math.max(...bottoms.map((row) => [...row].length))).toBe(COLUMNS - 1);
    expect(new Set(bottoms.map((row) => row[0])).size).toBeGreaterThan(3);
    // Between two lines nothing but the bottom row changes.
    const last = frames.at(-1) ?? [];
    for (const rows of frames) expect(last.slice(0, rows.length - 1)).toEqual(rows.slice(0, -1));
  });

  it('leaves its lines on the screen, whole and without what they would do to it, and no bottom row', () => {
    const { written } = onTerminal(project, RETRAIN, { columns: COLUMNS });
    const rows = rowsAfter(written, COLUMNS);
    const first = rows.findIndex((row) => row.includes('| epoch 1'));
    const end = rows.findIndex((row) => row.startsWith('error['));
    expect(rows.slice(first, end)).toEqual([
      '  | epoch 1',
      `  | ${LONG}`.slice(0, COLUMNS),
      `  | ${LONG}`.slice(COLUMNS),
      '  | red',
      `  | ${MARK}`,
    ]);
    expect(rows.join('\n')).not.toMatch(/[⠋-⠿]/);
  });

  it('has no colour with NO_COLOR', () => {
    const { written } = onTerminal(project, RETRAIN, { columns: COLUMNS, environment: { NO_COLOR: '1' } });
    expect(written).toContain('churn  0 s  epoch 1');
    expect(written).not.toMatch(new RegExp(`${ESCAPE}\\[[\\d;]*m`));
  });

  it('is followed by plain lines where the cursor cannot be moved', () => {
    const environment = { TERM: 'dumb' };
    const { written } = onTerminal(project, RETRAIN, { columns: COLUMNS, environment });
    expect(written).toContain(`\r\n  | epoch 1\r\n  | ${LONG}\r\n`);
    expect(written).not.toContain(`${ESCAPE}[K`);
    expect(written).not.toMatch(/[⠋-⠿]/);
  });

  it('leaves a clean screen when it is cancelled', () => {
    writeFileSync(join(project, 'training/slow.sh'), 'echo begun\nsleep 60\n');
    commit(project, 'a trainer that takes long');
    const { written } = onTerminal(project, `timeout --foreground --signal INT 2 ${RETRAIN}`, {
      columns: COLUMNS,
    });
    const rows = rowsAfter(written, COLUMNS);
    expect(rows.join('\n')).toMatch(
      / {2}\| begun\nerror\[cancelled\]: the training of churn was cancel\nled\n/,
    );
    expect(rows.join('\n')).not.toMatch(/[⠋-⠿]/);
  });
});
