import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elements, floatTensor, int64Tensor, stringTensor } from './elements.ts';
import { encodeFrame, FRAME_KINDS, frameDecoder } from './frames.ts';
import type { Frame } from './frames.ts';

const frame = (partial: Partial<Frame>): Frame => ({
  kind: 'run',
  id: 1,
  body: null,
  tensors: [],
  ...partial,
});

function decode(chunks: Uint8Array[]): Frame[] {
  const decoder = frameDecoder();
  return chunks.flatMap((chunk) => decoder.push(chunk));
}

const anyFrame: fc.Arbitrary<Frame> = fc.record({
  kind: fc.constantFrom(...FRAME_KINDS),
  id: fc.nat(0xffff_ffff),
  body: fc.oneof(fc.constant(null), fc.record({ outputs: fc.array(fc.string({ unit: 'grapheme' })) })),
  tensors: fc.array(
    fc
      .tuple(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 40 }))
      .map(([name, data]) => ({ name, dataType: 'UINT8' as const, shape: [data.length], data })),
    { maxLength: 4 },
  ),
});

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 4 }), cuts, (frames, sizes) => {
        const bytes = Buffer.concat(frames.flatMap((each) => encodeFrame(each)));
        const chunks: Uint8Array[] = [];
        for (let position = 0, turn = 0; position < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(bytes.subarray(position, position + size));
          position += size;
        }
        const decoded = decode(chunks);
        for (const { tensors } of decoded) {
          // Out of the shared memory, so that only contents are compared.
          for (const tensor of tensors) tensor.data = Uint8Array.from(tensor.data);
        }
        expect(decoded).toEqual(frames);
      }),
      { numRuns: 200 },
    );
  });

  it('place every tensor so that its elements are a view into the frame', () => {
    const tensors = [
      stringTensor('s', [1], ['odd']),
      int64Tensor('i', [1], [7]),
      floatTensor('f', [2], [1, 2]),
    ];
    const [decoded] = decode(encodeFrame(frame({ tensors })));
    const [, integers, floats] = decoded?.tensors ?? [];
    expect(integers?.data.byteOffset).toSatisfy((offset: number) => offset % 8 === 0);
    expect(floats?.data.buffer).toBe(integers?.data.buffer);
    expect(floats && elements(floats)).toEqual(Float32Array.of(1, 2));
    expect(integers && elements(integers)).toEqual(BigInt64Array.of(7n));
  });

  it('hand over large tensors without copying them', () => {
    const large = floatTensor('x', [100_001], new Float32Array(100_001).fill(3));
    const chunks = encodeFrame(frame({ tensors: [large] }));
    expect(chunks).toContain(large.data);
    const [decoded] = decode(chunks);
    expect(decoded?.tensors[0]?.data).toEqual(large.data);
  });

  it('refuse more than the limit on both sides, before memory is taken', () => {
    const big = frame({ tensors: [floatTensor('x', [1000], new Float32Array(1000))] });
    expect(() => encodeFrame(big, 1000)).toThrow(expect.objectContaining({ code: 'frame-too-large' }));
    const head = Buffer.concat(encodeFrame(big)).subarray(0, 24);
    expect(() => frameDecoder(1000).push(head)).toThrow(expect.objectContaining({ code: 'frame-too-large' }));
  });

  it('refuse bytes that are no frame', () => {
    const damaged = expect.objectContaining({ code: 'frame-damaged' });
    expect(() => decode([new Uint8Array(24)])).toThrow(damaged);
    const bytes = Buffer.concat(encodeFrame(frame({ tensors: [floatTensor('x', [1], [1])] })));
    const otherLength = Buffer.from(bytes);
    otherLength.set(Buffer.from('9'), otherLength.indexOf(',4]') + 1);
    expect(() => decode([otherLength])).toThrow(damaged);
    const noJson = Buffer.from(bytes);
    noJson[24] = 0;
    expect(() => decode([noJson])).toThrow(damaged);
    const otherKind = Buffer.from(bytes);
    otherKind[4] = 99;
    expect(() => decode([otherKind])).toThrow(damaged);
  });
});
