import { setFlagsFromString } from 'node:v8';

/**
 * For work that reads large tables or moves large files. It makes garbage of which V8 would let 60 to 150 MB pile up
 * before it looks, as it doubles the space for young objects again and again; at its first size the same work takes as
 * long.
 */
export function keepGarbageSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
