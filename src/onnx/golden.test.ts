import { describe, expect, it } from 'vitest';
import { floatTensor, int64Tensor, stringTensor } from './elements.ts';
import { compareOutputs, goldenToJson, parseGolden } from './golden.ts';

const bytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const tolerance = { absolute: 1e-5, relative: 1e-4 };

describe('golden samples', () => {
  it('are read as they were written', () => {
    const inputs = [floatTensor('x', [2, 1], [0.1, -3e38]), stringTensor('plan', [2, 1], ['yes', 'nö'])];
    const outputs = [int64Tensor('label', [2], [0, 1]), floatTensor('p', [2, 1], [0.3, 0.7])];
    const written = JSON.stringify(goldenToJson(inputs, outputs));
    expect(parseGolden(bytes(written))).toEqual({ inputs, outputs, tolerance });
    expect(JSON.stringify(goldenToJson(inputs, outputs))).toBe(written);
  });

  it.each([
    ['text', 'golden'],
    ['bytes that are not text', '\ud800'],
    ['another schema', { ...goldenToJson([], []), schema: 'v2' }],
    ['an unknown key', { ...goldenToJson([], []), more: 1 }],
    [
      'a tensor that is too short',
      { ...goldenToJson([], []), inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1] }] },
    ],
  ])('are refused when they are %s', (_, value) => {
    expect(() => parseGolden(bytes(value))).toThrow(
      expect.objectContaining({ code: 'golden-invalid', exitCode: 1 }),
    );
  });
});

describe('compareOutputs', () => {
  const expected = [floatTensor('p', [3], [0, 100, NaN]), int64Tensor('label', [1], [2n ** 60n])];

  it('lets floats differ by absolute plus relative tolerance', () => {
    const close = [expected[1], floatTensor('p', [3], [0.9e-5, 100.009, NaN])].filter(
      (tensor) => tensor !== undefined,
    );
    const compared = compareOutputs(expected, [...close, floatTensor('more', [1], [1])], tolerance);
    expect(compared.ok).toBe(true);
    expect(compared.maxDifference).toBeCloseTo(0.009, 4);
  });

  it.each([
    [
      'a float too far away',
      floatTensor('p', [3], [0, 100.02, NaN]),
      /output "p" element 1 is 100\.0\d+, expected 100/,
    ],
    ['a NaN for a number', floatTensor('p', [3], [0, NaN, NaN]), /element 1 is NaN, expected 100/],
    ['a number for a NaN', floatTensor('p', [3], [0, 100, 1]), /element 2 is 1, expected NaN/],
    ['an infinity', floatTensor('p', [3], [0, Infinity, NaN]), /element 1 is Infinity/],
    ['another shape', floatTensor('p', [3, 1], [0, 100, NaN]), /is FP32 \[3,1\], expected FP32 \[3\]/],
    ['another data type', int64Tensor('p', [3], [0, 100, 0]), /is INT64 \[3\], expected FP32/],
    ['another name', floatTensor('q', [3], [0, 100, NaN]), /output "p" is missing/],
    [
      'an integer off by one',
      int64Tensor('label', [1], [2n ** 60n + 1n]),
      /output "label" element 0 is 1152921504606846977/,
    ],
  ])('tells %s', (_, tensor, reason) => {
    const others = expected.filter((each) => each.name !== (tensor.name === 'q' ? 'p' : tensor.name));
    expect(compareOutputs(expected, [tensor, ...others], tolerance)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(reason),
    });
  });

  it('compares strings exactly', () => {
    const wanted = [stringTensor('s', [1], ['yes'])];
    expect(compareOutputs(wanted, wanted, tolerance)).toEqual({ ok: true, maxDifference: 0 });
    expect(compareOutputs(wanted, [stringTensor('s', [1], ['no'])], tolerance)).toMatchObject({
      reason: 'output "s" element 0 is "no", expected "yes"',
    });
  });
});
