import { z } from 'zod';

/**
 * A value whose schema depends on what the value is, or that none fits, as the text says. What is wrong inside it is told
 * where it stands, which a union of schemas does not do.
 */
export function chosen<Schema extends z.ZodType>(choose: (value: unknown) => Schema | string) {
  return z.unknown().transform((value, context): z.output<Schema> => {
    const schema = choose(value);
    if (typeof schema === 'string') {
      context.addIssue({ code: 'custom', message: schema, input: value });
      return z.NEVER;
    }
    const parsed = schema.safeParse(value, { reportInput: true });
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      if (issue.code !== 'unrecognized_keys') context.addIssue({ ...issue });
      else for (const key of issue.keys) context.addIssue(unknownKey(issue.path, key, schema));
    }
    return z.NEVER;
  });
}

function unknownKey(path: PropertyKey[], key: string, schema: z.ZodType) {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(', ') : '';
  const message = `unknown key${known === '' ? '' : `; expected one of ${known}`}`;
  return { code: 'custom' as const, path: [...path, key], message, input: undefined };
}

/** A map whose key `type` says what else it may hold. */
export function byType<Schema extends z.ZodObject>(schemas: Record<string, Schema>) {
  const names = Object.keys(schemas).join(', ');
  return chosen((value) => {
    const type: unknown = isMap(value) ? Reflect.get(value, 'type') : undefined;
    return schemas[String(type).toLowerCase()] ?? `expected a map with a "type", one of ${names}`;
  });
}

/** Not a list, nor nothing. */
export const isMap = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One of some words, in capitals or not, as azure-ai-ml takes them. */
export const word = <const Words extends readonly string[]>(...words: Words) =>
  z.string().toLowerCase().pipe(z.enum(words));

/** A key that Azure ML knows and Edgeloop cannot take: `why`. */
export const notTaken = (why: string) => z.custom<undefined>((value) => value === undefined, why).optional();
