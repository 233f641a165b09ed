import { describe, expect, it } from 'vitest';
import { failure } from '../../src/errors.ts';
import { floatTensor, type Tensor } from '../../src/onnx/index.ts';
import type { HeldVersion } from '../slots/held-version.ts';
import { createSlot } from '../slots/slot.ts';
import { createQueue, type Limits } from './queue.ts';

/** A held version whose runs end when the test says so: stands in for a session host that is slow, or dies. */
function scriptedVersion(version: string, factor: number) {
  const runs: { finish(): void; die(): void }[] = [];
  let up = true;
  const held: HeldVersion = {
    spec: {
      model: 'line',
      version,
      digest: `sha256:${version}`,
      modelFile: '',
      signature: {
        inputs: [{ name: 'x', dataType: 'FP32', shape: [null, 1] }],
        outputs: [{ name: 'y', dataType: 'FP32', shape: [null, 1] }],
      },
    },
    info: { modelSignature: { inputs: [], outputs: [] }, loadMs: 0, provider: 'cpu', runtimeVersion: '' },
    up: () => up,
    free: () => up && runs.length < 2,
    report: () => ({ version, digest: `sha256:${version}`, provider: 'cpu', up, restarts: 0, faults: 0 }),
    run: (inputs) => {
      const { promise, resolve, reject } = Promise.withResolvers<Tensor[]>();
      const x = new Float32Array((inputs[0]?.data ?? new Uint8Array()).slice().buffer)[0] ?? 0;
      const end = (settle: () => void) => {
        runs.splice(runs.indexOf(run), 1);
        settle();
      };
      const run = {
        finish: () => end(() => resolve([floatTensor('y', [1, 1], [factor * x])])),
        die: () => end(() => reject(failure('session-died', 'it died', ''))),
      };
      runs.push(run);
      return promise;
    },
    supervise: () => undefined,
    fault: () => undefined,
    kill: () => undefined,
    close: () => Promise.resolve(),
  };
  return { held, runs, setUp: (now: boolean) => (up = now) };
}

type Scripted = ReturnType<typeof scriptedVersion>;

async function queueWith(versions: Scripted[], limits: Partial<Limits> = {}) {
  const byDigest = new Map(versions.map(({ held }) => [held.spec.digest, held]));
  const slot = createSlot('line', {
    hold: (spec) =>
      Promise.resolve(byDigest.get(spec.digest)).then((held) => held ?? Promise.reject(new Error())),
    onChange: () => queue.pump(),
    onSwap: () => undefined,
    onCloseFailed: () => undefined,
  });
  const queue = createQueue(slot, { waiting: 2, deadlineMs: 10_000, attempts: 3, ...limits });
  const swapTo = async ({ held: { spec } }: Scripted) => {
    const previous = slot.holdings().current?.digest;
    await slot.load(spec);
    slot.arrange({ current: spec.digest, ...(previous === undefined ? {} : { previous }) });
  };
  for (const version of versions.slice(0, 1)) await swapTo(version);
  const ask = (x: number, more: { version?: string; signal?: AbortSignal } = {}) => {
    const { signal = new AbortController().signal, ...rest } = more;
    return queue.submit({ inputs: [floatTensor('x', [1, 1], [x])], ...rest }, signal);
  };
  return { queue, ask, swapTo };
}

const number = ({ outputs }: { outputs: Tensor[] }) =>
  new Float32Array((outputs[0]?.data ?? new Uint8Array()).slice().buffer)[0];
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: { code?: string }) => error.code,
  );
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the queue', () => {
  it('keeps two requests at a host, lets a few wait, and turns the next away', async () => {
    const one = scriptedVersion('1.0.0', 2);
    const { queue, ask } = await queueWith([one]);
    const answers = [ask(1), ask(2), ask(3), ask(4)];
    expect([one.runs.length, queue.waiting()]).toEqual([2, 2]);
    expect(() => ask(5)).toThrow(expect.objectContaining({ code: 'queue-full' }));
    while (one.runs.length > 0) {
      one.runs[0]?.finish();
      await settled();
    }
    expect((await Promise.all(answers)).map(number)).toEqual([2, 4, 6, 8]);
  });

  it('binds a request to the version that is current when its turn comes', async () => {
    const [one, two] = [scriptedVersion('1.0.0', 2), scriptedVersion('2.0.0', 3)];
    const { ask, swapTo } = await queueWith([one, two]);
    const answers = [ask(1), ask(1), ask(1), ask(1, { version: '1.0.0' })];
    await swapTo(two);
    two.runs[0]?.finish();
    for (const run of one.runs.slice()) run.finish();
    await settled();
    one.runs[0]?.finish();
    expect((await Promise.all(answers)).map((each) => [each.version, number(each)])).toEqual([
      ['1.0.0', 2],
      ['1.0.0', 2],
      ['2.0.0', 3],
      ['1.0.0', 2],
    ]);
  });

  it('runs a request again when its host dies, on the warm predecessor while there is no other', async () => {
    const [one, two] = [scriptedVersion('1.0.0', 2), scriptedVersion('2.0.0', 3)];
    const { ask, swapTo } = await queueWith([one, two]);
    await swapTo(two);
    const answer = ask(5);
    two.setUp(false);
    two.runs[0]?.die();
    await settled();
    one.runs[0]?.finish();
    expect([(await answer).version, number(await answer)]).toEqual(['1.0.0', 10]);
  });

  it('gives a request up that ended three session hosts', async () => {
    const one = scriptedVersion('1.0.0', 2);
    const { ask } = await queueWith([one]);
    const code = codeOf(ask(1));
    for (let death = 0; death < 3; death += 1) {
      one.runs[0]?.die();
      await settled();
    }
    expect(await code).toBe('request-ends-session-host');
    expect(one.runs).toEqual([]);
  });

  it('answers at the deadline, and drops what nobody waits for any more', async () => {
    const one = scriptedVersion('1.0.0', 2);
    const { queue, ask } = await queueWith([one], { deadlineMs: 50 });
    const gone = new AbortController();
    const codes = [codeOf(ask(1)), codeOf(ask(2)), codeOf(ask(3)), codeOf(ask(4, { signal: gone.signal }))];
    expect(queue.waiting()).toBe(2);
    gone.abort();
    expect(queue.waiting()).toBe(1);
    expect(await Promise.all(codes)).toEqual([...Array<string>(3).fill('deadline-exceeded'), 'client-gone']);
    expect(queue.waiting()).toBe(0);
  });
});
