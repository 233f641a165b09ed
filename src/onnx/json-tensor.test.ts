import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elements, floatTensor, int64Tensor } from './elements.ts';
import { hasNonFinite, tensorFromJson, tensorToJson } from './json-tensor.ts';
import { DATA_TYPES } from './tensor.ts';

const json = (datatype: string, data: unknown, shape: unknown = [Array.isArray(data) ? data.length : 0]) => ({
  name: 'x',
  datatype,
  shape,
  data,
});
const read = (datatype: string, data: unknown, shape?: unknown) =>
  elements(tensorFromJson(json(datatype, data, shape)));

describe('tensorFromJson', () => {
  it('makes little-endian row-major bytes', () => {
    const tensor = tensorFromJson({ ...json('INT16', [1, -2], [2, 1]), parameters: { any: 1 } });
    expect(tensor).toEqual({
      name: 'x',
      dataType: 'INT16',
      shape: [2, 1],
      data: Uint8Array.of(1, 0, 254, 255),
    });
    expect(tensorFromJson(json('BYTES', ['ä'])).data).toEqual(Uint8Array.of(2, 0, 0, 0, 0xc3, 0xa4));
    expect(tensorFromJson(json('BOOL', [true, false])).data).toEqual(Uint8Array.of(1, 0));
    expect(tensorFromJson(json('FP16', [1.5])).data).toEqual(Uint8Array.of(0, 0x3e));
  });

  it('takes flat and nested data', () => {
    const flat = read('FP32', [1, 2, 3, 4, 5, 6], [2, 3]);
    expect(
      read(
        'FP32',
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        [2, 3],
      ),
    ).toEqual(flat);
    expect(read('FP32', [[[1], [2]]], [1, 2, 1])).toEqual(Float32Array.of(1, 2));
  });

  it('takes scalars and empty tensors', () => {
    expect(read('INT64', [5], [])).toEqual(BigInt64Array.of(5n));
    expect(read('FP32', [], [0, 3])).toEqual(new Float32Array());
  });

  it.each([
    ['no object', 7, '7'],
    ['no name', { datatype: 'FP32', shape: [1], data: [1] }, 'name'],
    ['an unknown datatype', json('FLOAT', [1]), '"FLOAT"'],
    ['a name of every object as datatype', json('constructor', [1]), '"constructor"'],
    ['no shape', { name: 'x', datatype: 'FP32', data: [1] }, 'shape'],
    ['a negative size', json('FP32', [1], [-1]), '[-1]'],
    ['a fractional size', json('FP32', [1], [0.5]), '[0.5]'],
    ['too few elements', json('FP32', [1], [2]), '1 elements, expected 2'],
    ['a shape that no data can fill', json('FP32', [1], [2 ** 52, 2 ** 52]), '1 elements'],
    ['no data', json('FP32', undefined, [1]), 'data nothing'],
    ['a row too short', json('FP32', [[1, 2], [3]], [2, 2]), '1 elements in dimension 1, expected 2'],
    ['a row missing', json('FP32', [[1, 2], 3], [2, 2]), '3 in dimension 1'],
    ['text in FP32', json('FP32', ['1']), 'element 0 is "1"'],
    ['null in FP32', json('FP32', [1, null]), 'element 1 is null'],
    ['a number beyond FP32', json('FP32', [1e39]), 'element 0 is 1e+39'],
    ['a fraction in INT32', json('INT32', [1.5]), '1.5'],
    ['256 in UINT8', json('UINT8', [256]), '0 to 255'],
    ['-1 in UINT64', json('UINT64', [-1]), '-1'],
    ['an unsafe INT64', json('INT64', [2 ** 53]), '9007199254740992'],
    ['a number in BYTES', json('BYTES', [1]), 'a string'],
    ['1 in BOOL', json('BOOL', [1]), 'true or false'],
  ])('refuses %s', (_, value, message) => {
    expect(() => tensorFromJson(value)).toThrow(
      expect.objectContaining({ code: 'tensor-invalid', message: expect.stringContaining(message) }),
    );
  });
});

describe('tensorToJson', () => {
  it('gives back what tensorFromJson was given', () => {
    const float = fc.float({ noNaN: true, noDefaultInfinity: true });
    const value = {
      BOOL: fc.boolean(),
      UINT8: fc.nat(255),
      UINT16: fc.nat(65_535),
      UINT32: fc.nat(0xffff_ffff),
      UINT64: fc.maxSafeNat(),
      INT8: fc.integer({ min: -128, max: 127 }),
      INT16: fc.integer({ min: -32_768, max: 32_767 }),
      INT32: fc.integer(),
      INT64: fc.maxSafeInteger(),
      FP16: fc.integer({ min: -2048, max: 2048 }),
      FP32: float,
      FP64: fc.double({ noNaN: true, noDefaultInfinity: true }),
      BYTES: fc.string({ unit: 'grapheme' }),
    };
    for (const datatype of DATA_TYPES) {
      fc.assert(
        fc.property(fc.array<number | string | boolean>(value[datatype], { maxLength: 9 }), (data) => {
          // JSON has one zero.
          const plain = JSON.parse(JSON.stringify(json(datatype, data)));
          expect(JSON.parse(JSON.stringify(tensorToJson(tensorFromJson(plain))))).toEqual(plain);
        }),
        { numRuns: 50 },
      );
    }
  });

  it('refuses NaN, infinities and integers that JSON cannot carry', () => {
    const bad = floatTensor('y', [2], [1, NaN]);
    expect(hasNonFinite(bad)).toBe(true);
    expect(hasNonFinite(floatTensor('y', [1], [1]))).toBe(false);
    expect(hasNonFinite(int64Tensor('y', [1], [1]))).toBe(false);
    expect(() => tensorToJson(bad)).toThrow(
      expect.objectContaining({
        code: 'output-not-finite',
        message: expect.stringContaining('element 1 is NaN'),
      }),
    );
    expect(() => tensorToJson(floatTensor('y', [1], [-Infinity]))).toThrow(
      expect.objectContaining({ code: 'output-not-finite' }),
    );
    expect(() => tensorToJson(int64Tensor('y', [1], [2n ** 60n]))).toThrow(
      expect.objectContaining({ code: 'tensor-invalid' }),
    );
  });
});
