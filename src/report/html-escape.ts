import { oneLine } from '../markdown-escape.ts';
import type { Format } from './format.ts';

/** How the HTML page writes what came from outside. */
export const HTML: Format = {
  text: escaped,
  name: (text) => `<code>${escaped(text)}</code>`,
};

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * A text from outside for HTML and SVG, on one line and at most 300 characters of it: as text between tags and within a
 * quoted attribute alike (OWASP, Cross Site Scripting Prevention, rules for both contexts).
 */
export function escaped(text: string, longest?: number): string {
  return oneLine(text, longest).replace(/[&<>"']/g, (found) => ENTITIES[found] ?? found);
}

/** A name where there is little room: its beginning and its end, since names of one kind begin alike. */
export function shortened(name: string, longest: number): string {
  const line = oneLine(name);
  if (line.length <= longest) return escaped(line);
  const half = Math.floor((longest - 1) / 2);
  return escaped(`${line.slice(0, half)}…${line.slice(-half)}`.toWellFormed());
}
