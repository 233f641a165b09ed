import { styleText } from 'node:util';
import type { TransferProgress } from '../oci/index.ts';
import { byteCount } from '../byte-count.ts';
import type { CommonOptions } from './run-verb.ts';

const FRAME_MS = 100;

/** Shows on a terminal how far a transfer is; elsewhere it shows nothing. */
export function followTransfer(
  what: string,
  { logLevel }: CommonOptions,
  environment: NodeJS.ProcessEnv,
): { progress: (progress: TransferProgress) => void; end: () => void } {
  const output = process.stderr;
  const quiet = logLevel === 'error' || logLevel === 'silent';
  if (!output.isTTY || environment['TERM'] === 'dumb' || quiet) return { progress: () => {}, end: () => {} };
  let drawn = 0;
  return {
    progress({ bytes, total }) {
      const now = performance.now();
      if (now - drawn < FRAME_MS && bytes < total) return;
      drawn = now;
      const share = total === 0 ? 100 : Math.floor((100 * bytes) / total);
      const figures = ` ${share} % of ${byteCount(total)}`;
      // The last column stays empty: a character in it leaves the cursor between two lines.
      const room = Math.max((output.columns || 80) - 1 - figures.length, 0);
      output.write(`\r\u001B[K${styleText('dim', what.slice(0, room), { stream: output })}${figures}`);
    },
    end: () => void output.write('\r\u001B[K'),
  };
}
