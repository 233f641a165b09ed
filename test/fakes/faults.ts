import type { OutgoingHttpHeaders } from 'node:http';

/** What the fault proxy does to one request. Bytes are counted from the start of that request's or answer's body. */
export type Fault =
  /** The connection is reset once `afterBytes` have gone through; behind a request, to the registry as well. */
  | { fault: 'drop'; of: 'request' | 'answer'; afterBytes: number }
  /** Nothing more moves after `afterBytes`; the connection stays open. */
  | { fault: 'stall'; of: 'request' | 'answer'; afterBytes: number }
  /** The right `Content-Length`, `afterBytes` of the body, then the connection is closed in order. */
  | { fault: 'truncate'; afterBytes: number }
  /** No `Content-Length`, and an end in order after `afterBytes`: only the digest tells. */
  | { fault: 'shorten'; afterBytes: number }
  /** No `Content-Length`, and zeros behind the true body until the client goes. */
  | { fault: 'endless' }
  /** The lowest bit of the byte at this offset of the answer is turned over. */
  | { fault: 'flip-bit'; atByte: number }
  | { fault: 'slow'; of: 'request' | 'answer'; bytesPerSecond: number }
  /** Takes the whole request and answers this instead; the registry does not see it. */
  | { fault: 'answer'; status: number; headers?: OutgoingHttpHeaders; body?: string | Uint8Array }
  /** 307 to the proxy's second origin, which serves what was asked for, as a cloud's blob store would. */
  | { fault: 'redirect' };

/** `storage`: the second origin, which blobs are redirected to. */
export type Origin = 'registry' | 'storage';

/** A request, as far as faults are chosen by it. */
export interface Asked {
  origin: Origin;
  method: string;
  /** With its query. */
  path: string;
}

/** Which requests are meant; what is left out matches all. */
export interface Target {
  method?: string;
  /** Matched against the path with its query. */
  path?: RegExp;
  origin?: Origin;
  /** The first that is met of those that match, counted from 1 and from now. Default 1. */
  nth?: number;
  /** How many one after the other are met. Default 1; `Infinity` for all. */
  times?: number;
}

/** One direction of one request, as its faults shape it. */
export interface Shape {
  /** The body ends here, in this way; `Infinity`: it is left whole. */
  limit: number;
  ending: 'drop' | 'stall' | 'truncate' | 'shorten';
  flipAt: number | undefined;
  bytesPerSecond: number;
  endless: boolean;
}

/** A captive portal's page, with status 200. */
export const HTML_PAGE: Fault = {
  fault: 'answer',
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Welcome</title><p>Please accept the terms of this network.\n',
};

/** What the faults of a request make of one direction; of several limits the nearest holds. */
export function shapeOf(faults: Fault[], of: 'request' | 'answer'): Shape {
  const shape: Shape = {
    limit: Infinity,
    ending: 'truncate',
    flipAt: undefined,
    bytesPerSecond: Infinity,
    endless: false,
  };
  for (const fault of faults) {
    // Those without `of` are about answers.
    if (('of' in fault ? fault.of : 'answer') !== of) continue;
    if (fault.fault === 'flip-bit') shape.flipAt = fault.atByte;
    if (fault.fault === 'slow') shape.bytesPerSecond = fault.bytesPerSecond;
    if (fault.fault === 'endless') shape.endless = true;
    if ('afterBytes' in fault && fault.afterBytes < shape.limit) {
      shape.limit = fault.afterBytes;
      shape.ending = fault.fault;
    }
  }
  return shape;
}

/** Whether a target is about this request, whatever its turn. */
export function matches(target: Target, { method, path, origin }: Asked): boolean {
  if (target.origin !== undefined && target.origin !== origin) return false;
  if (target.method !== undefined && target.method !== method) return false;
  // `search` has no memory, unlike `test` of a global expression.
  return target.path === undefined || path.search(target.path) !== -1;
}

/** Counts the requests that a target matches; true for those whose turn it is. */
export function turns(target: Target): (asked: Asked) => boolean {
  const { nth = 1, times = 1 } = target;
  let met = 0;
  return (asked) => {
    if (!matches(target, asked)) return false;
    met += 1;
    return met >= nth && met < nth + times;
  };
}
