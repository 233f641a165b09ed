import { stripVTControlCharacters } from 'node:util';

/** A line that does nothing to a terminal but stand on it: no colours, no cursor movements, no bell, no tabs. */
export function plainLine(line: string): string {
  return stripVTControlCharacters(line)
    .replaceAll('\t', '    ')
    .replaceAll(/\p{Cc}/gu, '');
}
