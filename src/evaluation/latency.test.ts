import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { elements, floatTensor, int64Tensor, stringTensor, type Tensor } from '../onnx/index.ts';
import { measureLatency, oneRowEach } from './latency.ts';

const rows = [floatTensor('x', [3, 2], [1, 2, 3, 4, 5, 6]), stringTensor('s', [3], ['a', 'bb', 'ccc'])];

/** Answers as fast or slow as it is told to, and keeps what it was asked. */
function host(delayMs: number) {
  const asked: Tensor[][] = [];
  return {
    asked,
    inputs: rows,
    session: {
      run: async (inputs: Tensor[]) => {
        asked.push(inputs);
        if (delayMs > 0) await setTimeout(delayMs);
        return [];
      },
    },
  };
}

describe('oneRowEach', () => {
  it('takes a batch apart', () => {
    const apart = oneRowEach([...rows, int64Tensor('i', [3, 1], [7, 8, 9])]);
    expect(
      apart.map((each) => each.map((tensor) => [tensor.shape, [...elements(tensor)].map(String)])),
    ).toEqual([
      [
        [
          [1, 2],
          ['1', '2'],
        ],
        [[1], ['a']],
        [[1, 1], ['7']],
      ],
      [
        [
          [1, 2],
          ['3', '4'],
        ],
        [[1], ['bb']],
        [[1, 1], ['8']],
      ],
      [
        [
          [1, 2],
          ['5', '6'],
        ],
        [[1], ['ccc']],
        [[1, 1], ['9']],
      ],
    ]);
  });

  it('leaves inputs that do not share their first dimension as they are', () => {
    const mixed = [floatTensor('x', [2, 1], [1, 2]), floatTensor('scale', [1], [3])];
    expect(oneRowEach(mixed)).toEqual([mixed]);
  });
});

describe('measureLatency', () => {
  it('asks both models the same rows, one at a time and in turn', async () => {
    const [candidate, champion] = [host(0), host(0)];
    const latency = await measureLatency({ candidate, champion, runner: null });
    expect(candidate.asked).toEqual(champion.asked);
    expect(candidate.asked[0]?.map(({ shape }) => shape)).toEqual([[1, 2], [1]]);
    expect(latency.runs).toBe(1000);
    const { lower = 2, value = 0, upper = 0 } = latency.ratio ?? {};
    expect(lower).toBeLessThanOrEqual(value);
    expect(upper).toBeGreaterThanOrEqual(value);
  });

  it('tells a slow candidate from its champion beyond doubt', async () => {
    const { ratio, candidate, champion } = await measureLatency({
      candidate: host(8),
      champion: host(1),
      runner: 'box',
    });
    expect(ratio?.lower).toBeGreaterThan(1.2);
    expect(candidate.p50Ms).toBeGreaterThanOrEqual(7);
    expect(candidate.p95Ms).toBeGreaterThanOrEqual(candidate.p50Ms);
    expect(champion?.p50Ms).toBeLessThan(candidate.p50Ms);
  });

  it('of a candidate alone compares nothing', async () => {
    const latency = await measureLatency({ candidate: host(0), runner: null });
    expect(latency).toMatchObject({ champion: null, ratio: null });
  });

  it('ends when it is cancelled', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(measureLatency({ candidate: host(0), runner: null, signal })).rejects.toBe(reason);
  });
});
