import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { isSystemError, misuse } from '../errors.ts';
import { nearest } from './nearest.ts';

type Path = readonly PropertyKey[];

/** Reads and validates a YAML file; throws one misuse that lists every error with line, column, found and expected. */
export function readYaml<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  overrides: object = {},
): z.output<Schema> {
  return parseYaml(file, readText(file), schema, overrides);
}

/** The same for a text; `file` names it. */
export function parseYaml<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
  overrides: object = {},
): z.output<Schema> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw invalid(
      file,
      document.errors.map((error) => `${at(error.pos[0])}: ${withoutPlace(error.message)}`),
    );
  }
  const value: unknown = document.toJS();
  const merged = isMap(document.contents)
    ? { ...mapSchema.parse(value), ...overrides }
    : (value ?? overrides);
  return validate(file, schema, merged, (path, ofKey) => at(offsetOf(document, path, ofKey)));
}

/** The parser's own words end with the place and an excerpt; the place stands in front already. */
function withoutPlace(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:$/, '');
}

const mapSchema = z.record(z.string(), z.unknown());

/** Validates settings; `locate` says where the value at a path stands. Throws one misuse that lists every error. */
export function validate<Schema extends z.ZodType>(
  source: string,
  schema: Schema,
  value: unknown,
  locate: (path: Path, ofKey?: boolean) => string,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => explain(issue, schema));
  throw invalid(
    source,
    problems.map(({ path, text, unknownKey }) => `${locate(path, unknownKey)}: ${text}`),
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const missing = isSystemError(error, 'ENOENT');
    throw misuse(
      'config-unreadable',
      missing ? `there is no file ${file}` : `${file} cannot be read`,
      'Name the file with --config FILE.',
      { cause: error },
    );
  }
}

function invalid(file: string, problems: string[]): Error {
  const count = problems.length === 1 ? 'one error' : `${problems.length} errors`;
  return misuse(
    'config-invalid',
    `${file} has ${count}:\n  ${problems.join('\n  ')}`,
    'Correct the lines named above.',
  );
}

function explain(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
): { path: Path; text: string; unknownKey?: boolean }[] {
  if (issue.code === 'unrecognized_keys') {
    const valid = keysAt(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), issue.path);
    return issue.keys.map((key) => {
      const guess = nearest(key, valid);
      const hint = guess === undefined ? `expected one of ${valid.join(', ')}` : `did you mean "${guess}"?`;
      return {
        unknownKey: true,
        path: [...issue.path, key],
        text: `unknown key "${printPath([...issue.path, key])}"; ${hint}`,
      };
    });
  }
  if (issue.code === 'invalid_key') {
    return [
      {
        path: issue.path,
        text: `"${String(issue.path.at(-1))}": ${issue.issues[0]?.message ?? issue.message}`,
      },
    ];
  }
  const name = printPath(issue.path);
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    return [{ path: issue.path, text: `"${name}" is missing; expected ${issue.expected}` }];
  }
  const found = issue.input === undefined ? '' : `; found ${JSON.stringify(issue.input)}`;
  const expected =
    issue.code === 'invalid_value'
      ? `expected one of ${issue.values.join(', ')}`
      : issue.message.replace('Invalid input: ', '').replace(/, received \w+$/, '');
  return [{ path: issue.path, text: `"${name}": ${expected}${found}` }];
}

function printPath(path: Path): string {
  return path.map(String).join('.') || 'the file';
}

const objectSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown(),
  propertyNames: z.looseObject({ enum: z.array(z.string()).optional() }).optional(),
});

function keysAt(jsonSchema: unknown, path: Path): string[] {
  const node = objectSchema.safeParse(jsonSchema).data;
  const [head, ...rest] = path;
  if (node === undefined || head === undefined) {
    return node?.propertyNames?.enum ?? Object.keys(node?.properties ?? {});
  }
  return keysAt(node.properties?.[String(head)] ?? node.additionalProperties, rest);
}

/** Where the key, value or list item of a path stands; for a missing key the innermost map that should hold it. */
function offsetOf(document: Document, path: Path, ofKey = false): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (isSeq(parent)) {
      const item = parent.items[Number(path[depth - 1])];
      if (isNode(item)) return item.range?.[0] ?? 0;
    }
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isPair(item) && isScalar(item.key) && item.key.value === path[depth - 1],
      );
      if (pair !== undefined) {
        const node =
          depth === path.length && !ofKey && isNode(pair.value) && !isMap(pair.value) ? pair.value : pair.key;
        if (isNode(node)) return node.range?.[0] ?? 0;
      }
    }
  }
  return document.contents?.range?.[0] ?? 0;
}
