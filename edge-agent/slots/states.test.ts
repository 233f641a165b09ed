import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EVENTS, next, RESTART, STATES, TRANSITIONS } from './states.ts';

describe('states of a version', () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const to = TRANSITIONS[state][event];
      const outcome = () => {
        try {
          return next(state, event);
        } catch (error) {
          return String(error);
        }
      };
      it(`${state} + ${event} -> ${to ?? 'illegal'}`, () => {
        const illegal = `Error: a version in state "${state}" cannot take the event "${event}"`;
        expect(outcome()).toBe(to ?? illegal);
      });
    }
  }

  it('leads from discovered to committed in the order of the design', () => {
    const path = [
      'pulled',
      'staged',
      'loaded',
      'signature-matched',
      'golden-matched',
      'warmed-up',
      'flip-decided',
      'probation-passed',
    ] as const;
    const seen = ['discovered' as (typeof STATES)[number]];
    for (const event of path) seen.push(next(seen.at(-1) ?? 'quarantined', event));
    expect(seen).toEqual(STATES.slice(0, 9));
  });

  it('never leaves quarantine, and becomes active only from warm or from having been committed', () => {
    expect(Object.keys(TRANSITIONS.quarantined)).toEqual([]);
    const toActive = STATES.filter((state) => TRANSITIONS[state]['flip-decided'] === 'active');
    expect(toActive).toEqual(['warm', 'committed']);
  });

  it('serves after a restart exactly the states whose flip was decided', () => {
    expect(STATES.filter((state) => RESTART[state].restart === 'serve')).toEqual(['active', 'committed']);
  });

  it('and what a restart does are the table of docs/architecture.md', () => {
    const page = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
    const rows = STATES.map((state) => {
      const { effect, restart, why } = RESTART[state];
      return `| ${state} | ${effect} | ${restart} | ${why} |`;
    });
    expect(page).toContain(`|---|---|---|---|\n${rows.join('\n')}\n\n`);
  });
});
