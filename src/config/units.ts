import { z } from 'zod';

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `500ms`, `60s`, `30m` or `2h`, to milliseconds. */
export const durationSchema = z
  .string('expected a duration such as 60s, 30m or 2h')
  .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'expected a duration such as 60s, 30m or 2h')
  .transform((text) => scaled(text, DURATION_UNITS));

/** `800kB`, `10MB` or `64MiB`, to bytes. */
export const sizeSchema = z
  .string('expected a size such as 800kB, 10MB or 64MiB')
  .regex(/^\d+(\.\d+)?(B|kB|MB|GB|KiB|MiB|GiB)$/, 'expected a size such as 800kB, 10MB or 64MiB')
  .transform((text) => scaled(text, SIZE_UNITS));

/** An absolute number, or `5%` of the champion's value. */
export const toleranceSchema = z.union(
  [
    z
      .number()
      .nonnegative()
      .transform((value) => ({ kind: 'absolute' as const, value })),
    z
      .string()
      .regex(/^\d+(\.\d+)?%$/)
      .transform((text) => ({ kind: 'relative' as const, value: Number.parseFloat(text) / 100 })),
  ],
  'expected a number such as 0.02, or a share of the champion such as 5%',
);

/** `1.2x`: a multiple of the champion's, in the same run; `20ms`: milliseconds, of one named machine. */
export const latencySchema = z.union(
  [
    z
      .string()
      .regex(/^\d+(\.\d+)?x$/)
      .transform((text) => ({ kind: 'relative' as const, value: Number.parseFloat(text) })),
    z
      .string()
      .regex(/^\d+(\.\d+)?(ms|s)$/)
      .transform((text) => ({
        kind: 'absolute' as const,
        value: Number.parseFloat(text) * (text.endsWith('ms') ? 1 : 1000),
      })),
  ],
  "expected a multiple of the champion's such as 1.2x, or a time such as 20ms",
);

/** `5%`, to 0.05. */
export const shareSchema = z
  .string('expected a share such as 5%')
  .regex(/^\d+(\.\d+)?%$/, 'expected a share such as 5%')
  .transform((text) => Number.parseFloat(text) / 100);

function scaled(text: string, units: Record<string, number>): number {
  const unit = /[A-Za-z]+$/.exec(text)?.[0] ?? '';
  return Math.round(Number.parseFloat(text) * (units[unit] ?? Number.NaN));
}
