import type { z } from 'zod';

/** A map that must have at least one entry, also for those who read the JSON Schema only. */
export function notEmpty<Map extends z.ZodType<object>>(map: Map, entry: string): Map {
  return map
    .refine((value) => Object.keys(value).length > 0, `expected at least one ${entry}`)
    .meta({ minProperties: 1 });
}
