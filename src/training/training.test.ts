import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bindCommand } from './command.ts';
import { inputKey, trainLocally, type KeyedInputs } from './index.ts';

const specification = readFileSync(new URL('../../docs/input-key.md', import.meta.url), 'utf8');
const vectors: { inputKeys: { inputs: KeyedInputs; inputKey: string }[] } = JSON.parse(
  /```json\n([\s\S]*?)```/.exec(specification)?.[1] ?? '',
);

describe('inputKey', () => {
  it.each(vectors.inputKeys)('gives $inputKey of docs/input-key.md', (vector) => {
    expect(inputKey(vector.inputs)).toBe(vector.inputKey);
  });

  it('does not depend on the order of params, and depends on each input', () => {
    const [, { inputs, inputKey: key }] = vectors.inputKeys as [unknown, (typeof vectors.inputKeys)[0]];
    const reversed = Object.fromEntries(Object.entries(inputs.params).toReversed());
    expect(inputKey({ ...inputs, params: reversed })).toBe(key);
    for (const name of ['model', 'command', 'code', 'dataset', 'environment'] as const) {
      expect(inputKey({ ...inputs, [name]: 'other' })).not.toBe(key);
    }
    expect(inputKey({ ...inputs, params: { ...inputs.params, trees: '120' } })).not.toBe(key);
  });
});

interface Trial {
  run: string;
  inputs?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
  virtualEnvironment?: string;
}

async function train({
  run,
  inputs = {},
  timeoutMs = 10_000,
  signal = new AbortController().signal,
  virtualEnvironment,
}: Trial) {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-training-'));
  const lines: string[] = [];
  const output = join(folder, 'out');
  const environment = {
    PATH: process.env['PATH'],
    HOME: '/home/someone',
    AZURE_CLIENT_SECRET: 'secret',
    ...(virtualEnvironment !== undefined && { VIRTUAL_ENV: virtualEnvironment }),
  };
  const logFile = join(folder, 'logs/churn.log');
  const training = { model: 'churn', run, folder, project: folder, inputs, output, logFile, timeoutMs };
  const result = await trainLocally(training, { onLine: (line) => lines.push(line), environment, signal });
  return { folder, output, lines, log: readFileSync(logFile, 'utf8'), ...result };
}

describe('trainLocally', () => {
  it('passes values as single words, whatever they hold', async () => {
    const value = `a b'"$(touch pwned)\`touch pwned\`;*\n${'$'}{HOME}`;
    const { folder, output } = await train({
      run: 'printf %s ${{inputs.name}} "<${{ inputs.name }}>" > ${{outputs.model}}/model.onnx',
      inputs: { name: value },
    });
    expect(readFileSync(join(output, 'model.onnx'), 'utf8')).toBe(`${value}<${value}>`);
    expect(existsSync(join(folder, 'pwned'))).toBe(false);
  });

  it('gives the training an allow-listed environment and this Node', async () => {
    const { lines } = await train({
      run: `env; node -p process.execPath; echo model > \${{outputs.model}}/model.onnx`,
    });
    expect(lines).toContain('HOME=/home/someone');
    expect(lines).toContain(process.execPath);
    expect(lines.join('\n')).not.toContain('secret');
  });

  it('finds the programs of an activated Python environment before those that lie beside this Node', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-venv-'));
    mkdirSync(join(folder, 'bin'));
    symlinkSync('/bin/true', join(folder, 'bin/python3'));
    const run = 'command -v python3; command -v node; echo model > ${{outputs.model}}/model.onnx';
    const { lines } = await train({ run, virtualEnvironment: folder });
    expect(lines).toEqual([join(folder, 'bin/python3'), join(dirname(process.execPath), 'node')]);
  });

  it('writes each line to the log as it comes, both streams', async () => {
    const { log, lines, printed, logProblem } = await train({
      run: 'echo one; until grep one logs/churn.log >&2; do :; done; echo model > ${{outputs.model}}/model.onnx',
    });
    expect(lines).toEqual(['one', 'one']);
    expect(log).toBe('one\none\n');
    expect({ printed, logProblem }).toEqual({ printed: true, logProblem: undefined });
  });

  it('keeps the log of a training that failed, and says where it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-training-'));
    const logFile = join(folder, 'logs/churn.log');
    const training = {
      model: 'churn',
      run: 'seq 1000; exit 3',
      folder,
      project: folder,
      inputs: {},
      output: join(folder, 'out'),
      logFile,
      timeoutMs: 10_000,
    };
    const deps = { onLine: () => {}, environment: process.env, signal: new AbortController().signal };
    await expect(trainLocally(training, deps)).rejects.toMatchObject({
      code: 'training-failed',
      message: expect.stringMatching(/\n {2}1000\nAll of its lines are in \/.*\/logs\/churn\.log$/),
    });
    expect(readFileSync(logFile, 'utf8')).toBe(
      Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`).join(''),
    );
  });

  it('takes a time limit that is longer than a timer can be', async () => {
    const run = 'sleep 0.3; echo model > ${{outputs.model}}/model.onnx';
    await expect(train({ run, timeoutMs: 30 * 24 * 3_600_000 })).resolves.toMatchObject({ printed: false });
  });

  it('tells the exit code and the last lines of a training that failed', async () => {
    await expect(train({ run: 'echo reading; echo "no such column" >&2; exit 7' })).rejects.toMatchObject({
      code: 'training-failed',
      exitCode: 1,
      message: expect.stringMatching(/exited with 7[\s\S]*no such column/),
    });
  });

  it('refuses a training that left no model', async () => {
    await expect(train({ run: 'true' })).rejects.toMatchObject({ code: 'training-without-model' });
    await expect(
      train({ run: 'echo model > elsewhere; ln -s "$PWD/elsewhere" ${{outputs.model}}/model.onnx' }),
    ).rejects.toMatchObject({
      code: 'training-without-model',
      remedy: expect.stringContaining('not a link'),
    });
    await expect(train({ run: ': > ${{outputs.model}}/model.onnx' })).rejects.toMatchObject({
      code: 'training-without-model',
    });
  });

  it('ends the whole group at the time limit', async () => {
    const pids = join(mkdtempSync(join(tmpdir(), 'edgeloop-pids-')), 'pids');
    const run = `sleep 60 & echo $! > ${pids}; sleep 60`;
    await expect(train({ run, timeoutMs: 300 })).rejects.toMatchObject({ code: 'training-timeout' });
    await expectGone(Number(readFileSync(pids, 'utf8')));
  });

  it('ends the whole group when it is cancelled', async () => {
    const controller = new AbortController();
    const pids = join(mkdtempSync(join(tmpdir(), 'edgeloop-pids-')), 'pids');
    const trained = train({ run: `sleep 60 & echo $! > ${pids}; wait`, signal: controller.signal });
    while (!existsSync(pids) || readFileSync(pids, 'utf8') === '') await sleep(10);
    controller.abort();
    await expect(trained).rejects.toMatchObject({ code: 'cancelled' });
    await expectGone(Number(readFileSync(pids, 'utf8')));
  });

  it('ends the whole group when the process that trains is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-training-'));
    const run = 'sleep 60 & echo $! > ${{outputs.model}}/pid; trap "" TERM; sleep 60';
    const training = {
      model: 'churn',
      run,
      folder,
      inputs: {},
      output: join(folder, 'out'),
      logFile: join(folder, 'log'),
      timeoutMs: 60_000,
    };
    const program = `import { trainLocally } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
      const deps = { onLine: () => {}, environment: process.env, signal: new AbortController().signal };
      await trainLocally(${JSON.stringify(training)}, deps);`;
    const trainer = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' });
    const pids = join(training.output, 'pid');
    while (!existsSync(pids) || readFileSync(pids, 'utf8') === '') await sleep(10);
    expect(trainer.kill('SIGKILL')).toBe(true);
    await expectGone(Number(readFileSync(pids, 'utf8')));
  });

  it('does not wait for a process that left the group with the pipes in its hands', async () => {
    const { output } = await train({ run: `setsid sleep 5 & echo m > \${{outputs.model}}/model.onnx` });
    expect(existsSync(join(output, 'model.onnx'))).toBe(true);
  });
});

describe('bindCommand', () => {
  it.each([
    ['${{inputs.tress}}', 'placeholder-unknown'],
    ['${{secrets.token}}', 'placeholder-unknown'],
    ['${{inputs.constructor}}', 'placeholder-unknown'],
    ["echo 'x ${{inputs.trees}}'", 'placeholder-quoted'],
  ])('refuses %s', (run, code) => {
    expect(() => bindCommand(run, { inputs: { trees: '1' }, outputs: {} })).toThrow(
      expect.objectContaining({ code, exitCode: 2 }),
    );
  });
});

async function expectGone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(1);
  for (let tries = 0; tries < 100; tries++) {
    // A zombie whose parent has not waited for it yet is gone as well.
    const state = existsSync(`/proc/${pid}/stat`)
      ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2]
      : undefined;
    if (state === undefined || state === 'Z') return;
    await sleep(20);
  }
  throw new Error(`process ${pid} is still running`);
}
