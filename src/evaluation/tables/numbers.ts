const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const MISSING = new Set(['', 'nan', 'NaN', 'NAN']);

/**
 * A decimal number as text (blanks around it are ignored); NaN for a missing value, which CSV writers leave empty or
 * write as `nan`; `undefined` for everything else, also for `Infinity`, `0x10` and `1_000`.
 */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (NUMBER.test(trimmed)) return Number(trimmed);
  return MISSING.has(trimmed) ? Number.NaN : undefined;
}
