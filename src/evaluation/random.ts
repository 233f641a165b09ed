import { createHash } from 'node:crypto';

/** Fills an array with unsigned 32-bit integers. */
export type Random = (target: Uint32Array) => void;

/**
 * xoshiro128** 1.1 (Blackman and Vigna, prng.di.unimi.it/xoshiro128starstar.c), its state filled from a 32-bit seed by
 * SplitMix32: the same numbers on every machine.
 */
export function seededRandom(seed: number): Random {
  const state = splitMix32(seed);
  return (target) => {
    // In locals, because a closure's variables are boxed numbers and several times slower.
    let [a, b, c, d] = state;
    for (let i = 0; i < target.length; i++) {
      const product = Math.imul(b, 5);
      target[i] = Math.imul((product << 7) | (product >>> 25), 9);
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = (d << 11) | (d >>> 21);
    }
    state.splice(0, 4, a, b, c, d);
  };
}

/** Four steps of SplitMix with the 32-bit finalizer of MurmurHash3 (Steele, Lea and Flood 2014; Appleby). */
function splitMix32(seed: number): [number, number, number, number] {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  };
  return [next(), next(), next(), next()];
}

/** A 32-bit seed from digests: the first four bytes of the sha256 of their lines. */
export function seedFrom(...digests: string[]): number {
  return createHash('sha256').update(digests.join('\n')).digest().readUInt32BE(0);
}
