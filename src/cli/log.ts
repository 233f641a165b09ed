import { styleText } from 'node:util';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line to stderr: plain words, or a JSON object when `json` is set. */
export function createLog(level: LogLevel, options: { json: boolean }) {
  const least = LOG_LEVELS.indexOf(level);
  return (at: Exclude<LogLevel, 'silent'>, message: string, fields: Record<string, unknown> = {}): void => {
    if (LOG_LEVELS.indexOf(at) < least) return;
    const line = options.json
      ? JSON.stringify({ time: new Date().toISOString(), level: at, message, ...fields })
      : `${mark(at)}${message}${words(fields)}`;
    process.stderr.write(`${line}\n`);
  };
}

function mark(level: LogLevel): string {
  if (level === 'warn') return `${styleText('yellow', 'warning', { stream: process.stderr })}: `;
  if (level === 'error') return `${styleText('red', 'error', { stream: process.stderr })}: `;
  return '';
}

function words(fields: Record<string, unknown>): string {
  const entries = Object.entries(fields);
  if (entries.length === 0) return '';
  const listed = entries.map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return styleText('dim', `  ${listed.join(' ')}`, { stream: process.stderr });
}
