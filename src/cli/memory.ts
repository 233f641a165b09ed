import { setFlagsFromString } from 'node:v8';

/**
 * For a verb that reads large tables. They make garbage of which V8 would let 150 MB pile up before it looks, as it
 * doubles the space for young objects again and again; at its first size the same work takes as long.
 */
export function keepGarbageSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
