import { describe, expect, it } from 'vitest';
import { elements, floatTensor, int64Tensor, stringTensor } from './elements.ts';

describe('elements', () => {
  it('views aligned bytes and copies others', () => {
    const tensor = floatTensor('x', [2], [1.5, -2]);
    const view = elements(tensor);
    expect(view).toEqual(Float32Array.of(1.5, -2));
    expect(view).toHaveProperty('buffer', tensor.data.buffer);
    const shifted = new Uint8Array(9);
    shifted.set(tensor.data, 1);
    expect(elements({ ...tensor, data: shifted.subarray(1) })).toEqual(view);
  });

  it('reads back strings and integers', () => {
    expect(elements(stringTensor('s', [3], ['', 'ä€😀', '\ufeffx']))).toEqual(['', 'ä€😀', '\ufeffx']);
    expect(elements(int64Tensor('i', [2], [2n ** 62n, -1]))).toEqual(BigInt64Array.of(2n ** 62n, -1n));
  });

  it.each([
    ['too few bytes', { ...floatTensor('x', [2], [1, 2]), shape: [3] }],
    ['too many strings', { ...stringTensor('x', [2], ['a', 'b']), shape: [1] }],
    ['a length that lies', { ...stringTensor('x', [1], ['a']), data: Uint8Array.of(9, 0, 0, 0, 65) }],
    ['half a length', { ...stringTensor('x', [1], ['a']), data: Uint8Array.of(1, 0) }],
    ['bytes that are not UTF-8', { ...stringTensor('x', [1], ['a']), data: Uint8Array.of(1, 0, 0, 0, 0xff) }],
  ])('refuses %s', (_, tensor) => {
    expect(() => elements(tensor)).toThrow(expect.objectContaining({ code: 'tensor-invalid' }));
  });

  it('refuses to make a tensor whose shape does not fit', () => {
    const invalid = expect.objectContaining({ code: 'tensor-invalid' });
    expect(() => floatTensor('x', [3], [1])).toThrow(invalid);
    expect(() => stringTensor('x', [3], ['a'])).toThrow(invalid);
  });
});
