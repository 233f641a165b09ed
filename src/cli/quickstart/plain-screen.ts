import type { Tally } from './figures.ts';
import type { Screen } from './narrator.ts';

/** One line after the other, for logs and pipes. */
export function plainScreen(write: (text: string) => void, tally: () => Tally | undefined): Screen {
  return {
    began: ({ number, title }) => write(`${number}. ${title}\n`),
    found: (_, { about, text }) => write(`   ${about}: ${text}\n`),
    doing: () => undefined,
    ended({ state, seconds }) {
      const load = tally();
      const sent = load === undefined ? '' : `; ${load.requests} requests so far, ${load.failed} failed`;
      write(`   ${state} after ${seconds().toFixed(1)} s${sent}\n\n`);
    },
  };
}
