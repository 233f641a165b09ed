/** One thing that the gate looked at: what it found, and whether that speaks against the candidate. */
export interface Check {
  passed: boolean;
  reason: string;
}

/** A check that speaks against the candidate. */
export const against = (reason: string): Check => ({ passed: false, reason });

/** A check that does not. */
export const fine = (reason: string): Check => ({ passed: true, reason });

/** What a record says under this name, if that is a number at all. */
export function numberIn(values: Readonly<Record<string, number | null>>, name: string): number | null {
  return finite(Object.hasOwn(values, name) ? values[name] : null);
}

/** A value, if it is a number at all. */
export function finite(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
