import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  classifierModel,
  externalDataModel,
  identityModel,
  linearModel,
  logarithmModel,
  matrixModel,
  optionalInputModel,
  unknownOperatorModel,
} from '../../test/fixtures/onnx-model.ts';
import type { OnnxType } from '../../test/fixtures/onnx-model.ts';
import { elements, floatTensor, int64Tensor, stringTensor } from './elements.ts';
import { hasNonFinite, tensorFromJson } from './json-tensor.ts';
import { readModelFile } from './model-file.ts';
import { startSession } from './session.ts';
import type { Session } from './session.ts';
import { signatureDifferences } from './signature-differences.ts';
import type { Tensor } from './tensor.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgeloop-session-'));
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
async function write(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `${count++}.onnx`);
  await writeFile(path, bytes);
  return path;
}

/** Starts a session that ends with the block it was opened in. */
async function open(bytes: Uint8Array, more: object = {}): Promise<Session & AsyncDisposable> {
  const session = await startSession({ modelFile: await write(bytes), ...more });
  return Object.assign(Object.create(session), { [Symbol.asyncDispose]: () => session.close() });
}

/** False for a process that has ended, also when nobody has asked for its exit code yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
async function ends(pid: number): Promise<boolean> {
  for (let turn = 0; turn < 200 && isRunning(pid); turn++) await sleep(25);
  return !isRunning(pid);
}

const x = floatTensor('x', [2, 1], [1, -2]);
const square = (size: number): Tensor => floatTensor('x', [size, size], new Float32Array(size * size));
const values = (tensors: Tensor[]) => tensors.map(elements);

describe('a session', () => {
  it('keeps ONNX Runtime from collecting telemetry: nothing is left in /tmp', async () => {
    const started = Date.now();
    const session = await startSession({ modelFile: await write(linearModel()) });
    await session.close();
    // A process of this machine's past may have had the same pid, and left its log.
    const log = statSync(`/tmp/mat-debug-${session.pid}.log`, { throwIfNoEntry: false });
    expect(log === undefined || log.mtimeMs < started).toBe(true);
  });

  it('tells what ONNX Runtime knows of the model, which is what the file says', async () => {
    for (const bytes of [linearModel({ inputs: ['b', 'a'] }), optionalInputModel(), classifierModel()]) {
      await using session = await open(bytes, { lowPriorityWhileLoading: true });
      const { modelSignature } = await readModelFile(await write(bytes));
      expect(signatureDifferences(modelSignature, session.info.modelSignature)).toEqual([]);
      expect(session.info).toMatchObject({
        provider: 'cpu',
        runtimeVersion: expect.stringMatching(/^1\.\d+/),
      });
    }
  });

  it('computes, several runs at once, each with its own answer', async () => {
    await using session = await open(linearModel({ scale: 3, bias: 1 }));
    const inputs = [1, 2, 3, 4, 5].map((value) => [floatTensor('x', [1, 1], [value])]);
    const runs = inputs.map((input) => session.run(input));
    expect(session.inFlight).toBe(5);
    expect((await Promise.all(runs)).map(values)).toEqual(
      [4, 7, 10, 13, 16].map((y) => [Float32Array.of(y)]),
    );
    expect(session.inFlight).toBe(0);
  });

  it.each<[OnnxType, Tensor]>([
    ['STRING', stringTensor('x', [2, 1], ['', 'grüß 😀'])],
    ['INT64', int64Tensor('x', [2, 1], [2n ** 62n, -1n])],
    ['BOOL', tensorFromJson({ name: 'x', datatype: 'BOOL', shape: [2, 1], data: [true, false] })],
    ['FLOAT16', tensorFromJson({ name: 'x', datatype: 'FP16', shape: [2, 1], data: [1.5, -2] })],
    ['DOUBLE', tensorFromJson({ name: 'x', datatype: 'FP64', shape: [2, 1], data: [0.1, -2] })],
    ['INT32', tensorFromJson({ name: 'x', datatype: 'INT32', shape: [0, 1], data: [] })],
  ])('hands %s through unchanged', async (type, tensor) => {
    await using session = await open(identityModel(type));
    expect(await session.run([tensor])).toEqual([{ ...tensor, name: 'y' }]);
  });

  it('carries tensors that are larger than a pipe holds', async () => {
    await using session = await open(linearModel());
    const [y] = await session.run([floatTensor('x', [500_000, 1], new Float32Array(500_000).fill(4))]);
    expect(y && elements(y)).toEqual(new Float32Array(500_000).fill(9));
  });

  it('answers with the outputs that were asked for, in that order', async () => {
    await using session = await open(classifierModel({ coefficients: [2], labels: ['no', 'yes'] }));
    const inputs = [floatTensor('x0', [2, 1], [3, -3])];
    const named = await session.run(inputs, ['probabilities', 'label']);
    expect(named.map((tensor) => tensor.name)).toEqual(['probabilities', 'label']);
    const [label] = await session.run(inputs, ['label']);
    expect(label && elements(label)).toEqual(['yes', 'no']);
    await expect(session.run(inputs, ['none'])).rejects.toMatchObject({ code: 'session-run-failed' });
  });

  it('reads weights from a file beside the model, and computes a NaN as it is', async () => {
    const { model, data } = externalDataModel('weights.bin', { scale: 5 });
    await writeFile(join(folder, 'weights.bin'), data);
    await using external = await open(model);
    expect(values(await external.run([x]))).toEqual([Float32Array.of(6, -9)]);
    await using logarithm = await open(logarithmModel());
    expect((await logarithm.run([x])).map(hasNonFinite)).toEqual([true]);
  });

  it.each([
    ['a missing input', [], 'x'],
    ['another data type', [int64Tensor('x', [1, 1], [1])], 'int64'],
    ['an input that the model does not have', [x, floatTensor('z', [1], [1])], '"z"'],
    ['bytes that are not what the shape says', [{ ...x, shape: [3, 1] }], '"x"'],
    [
      'text that is not UTF-8',
      [{ ...stringTensor('x', [1, 1], ['a']), data: Uint8Array.of(1, 0, 0, 0, 255) }],
      'UTF-8',
    ],
  ])('goes on after %s', async (_, inputs: Tensor[], message) => {
    await using session = await open(linearModel());
    await expect(session.run(inputs)).rejects.toMatchObject({
      code: 'session-run-failed',
      message: expect.stringContaining(message),
    });
    expect(values(await session.run([x]))).toEqual([Float32Array.of(3, -3)]);
  });
});

describe('a session that does not load', () => {
  it.each([
    ['garbage', Buffer.from('garbage'), {}, 'failed'],
    ['an unknown operator', unknownOperatorModel(), {}, 'NoSuchOperator'],
    ['an unknown execution provider', linearModel(), { executionProviders: ['abacus'] }, 'abacus'],
    ['a data type that cannot be served', identityModel('BFLOAT16'), {}, '16'],
    ['too little time', linearModel(), { loadTimeoutMs: 1 }, 'longer than 1 ms'],
    ['a cancelled signal', linearModel(), { signal: AbortSignal.abort() }, 'cancelled'],
    ['a signal that comes meanwhile', linearModel(), { signal: AbortSignal.timeout(20) }, 'cancelled'],
  ])('rejects for %s', async (_, bytes, options, message) => {
    await expect(open(bytes, options)).rejects.toMatchObject({
      code: 'model-load-failed',
      exitCode: 1,
      message: expect.stringContaining(message),
    });
  });
});

describe('the end of a session', () => {
  it('comes after the runs that are under way', async () => {
    const session = await startSession({ modelFile: await write(matrixModel()) });
    const run = session.run([square(300)]);
    await Promise.all([session.close(), session.close()]);
    expect((await run).map((tensor) => tensor.shape)).toEqual([[300, 300]]);
    expect(isRunning(session.pid)).toBe(false);
    await expect(session.run([square(2)])).rejects.toMatchObject({ code: 'session-died' });
  });

  it('is told when the process is killed, to runs under way and later', async () => {
    const session = await startSession({ modelFile: await write(matrixModel()) });
    const runs = [session.run([square(1500)]), session.run([square(2)])];
    process.kill(session.pid, 'SIGKILL');
    const outcomes = await Promise.allSettled([...runs, session.died.then(() => session.run([square(2)]))]);
    expect(outcomes).toEqual(
      outcomes.map(() => ({
        status: 'rejected',
        reason: expect.objectContaining({
          code: 'session-died',
          message: expect.stringContaining('SIGKILL'),
        }),
      })),
    );
    expect(await session.died).toEqual({ reason: expect.stringContaining('SIGKILL') });
    await session.close();
  });

  it('is not brought by the signals that a terminal or a service manager sends to the whole group', async () => {
    await using session = await open(linearModel());
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(session.pid, signal);
    expect(values(await session.run([x]))).toEqual([Float32Array.of(3, -3)]);
  });

  it('is brought by its signal, also long after loading', async () => {
    const controller = new AbortController();
    const session = await startSession({ modelFile: await write(matrixModel()), signal: controller.signal });
    const run = session.run([square(1500)]);
    controller.abort();
    await expect(run).rejects.toMatchObject({
      code: 'session-died',
      message: expect.stringContaining('cancelled'),
    });
    expect(await session.died).toEqual({ reason: expect.stringContaining('cancelled') });
  });

  it('comes with the end of its parent, however that ends', async () => {
    const script = `
      import { startSession } from ${JSON.stringify(new URL('./session.ts', import.meta.url).href)};
      const session = await startSession({ modelFile: ${JSON.stringify(await write(linearModel()))} });
      console.log(session.pid);`;
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script]);
    const [output] = await once(parent.stdout, 'data');
    const pid = Number(output);
    expect(isRunning(pid)).toBe(true);
    parent.kill('SIGKILL');
    expect(await ends(pid)).toBe(true);
  });
});
