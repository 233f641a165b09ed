import * as core from '@actions/core';
import type { Log } from '../loop/workspace.ts';

/**
 * Logs to the page of the run: warnings and errors become annotations there. What comes from outside (a path, a param,
 * a title) can be no workflow command: the runner takes a line for one that begins with `::`, or has `##[` in it.
 */
export function actionLog(): Log {
  return (level, message, fields = {}) => {
    const text = `${message}${words(fields)}`;
    if (level === 'debug') core.debug(text);
    if (level === 'info') process.stdout.write(`${harmless(text)}\n`);
    if (level === 'warn') core.warning(text);
    if (level === 'error') core.error(text);
  };
}

/** The runner trims what .NET takes for white space, which has one character more than JavaScript's. */
const LEADING_KEY = /^[\s\u0085]*::/;

/** A text of several lines in which the runner finds no command. */
export function harmless(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) =>
      line.replace(LEADING_KEY, (found) => `${found.slice(0, -1)}\u200B:`).replaceAll('##[', '##\u200B['),
    )
    .join('\n');
}

function words(fields: Record<string, unknown>): string {
  return Object.entries(fields)
    .map(([key, value]) => `  ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('');
}
