import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { type Document, isMap, isNode, isPair, isScalar, isSeq } from 'yaml';
import { z } from 'zod';
import { isSystemError, misuse, type Place } from '../errors.ts';
import { nearest } from './nearest.ts';
import { parseYaml, type Position } from './yaml-syntax.ts';

type Path = readonly PropertyKey[];

/** Reads and validates a YAML file; throws one misuse that lists every error with line, column, found and expected. */
export function readYaml<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  overrides: object = {},
): z.output<Schema> {
  return validateYaml(file, readText(file), schema, overrides);
}

/** The same for a text; `file` names it. */
export function validateYaml<Schema extends z.ZodType>(
  file: string,
  content: string,
  schema: Schema,
  overrides: object = {},
): z.output<Schema> {
  const { document, problems, position } = parseYaml(content);
  if (problems.length > 0) {
    throw invalid(
      file,
      problems.map(({ offset, text }) => ({ at: position(offset), text })),
    );
  }
  const value = valueOf(document, file);
  const merged = isMap(document.contents)
    ? { ...mapSchema.parse(value), ...overrides }
    : (value ?? overrides);
  return validate(file, schema, merged, (path, ofKey) => position(offsetOf(document, path, ofKey)));
}

/** Where a setting stands in a YAML file, or the innermost map that should hold it; `undefined` when it is not readable. */
export function placeOfSetting(file: string, path: Path): Omit<Place, 'message'> | undefined {
  try {
    const { document, problems, position } = parseYaml(readText(file));
    return problems.length > 0 ? undefined : { file, ...position(offsetOf(document, path)) };
  } catch {
    // It is asked when something is wrong already, which must be told in any case.
    return undefined;
  }
}

function valueOf(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // A few lines of aliases can stand for more values than fit into memory.
    if (!(error instanceof ReferenceError)) throw error;
    throw invalid(file, [
      { at: { line: 1, column: 1 }, text: 'its aliases stand for too many values; write them out' },
    ]);
  }
}

const mapSchema = z.record(z.string(), z.unknown());

/**
 * Validates settings; `locate` says where the value at a path stands, in the file `source` or by its name. Throws one
 * misuse that lists every error.
 */
export function validate<Schema extends z.ZodType>(
  source: string,
  schema: Schema,
  value: unknown,
  locate: (path: Path, ofKey?: boolean) => Position | string,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => explain(issue, schema));
  throw invalid(
    source,
    problems.map(({ path, text, ofKey }) => ({ at: locate(path, ofKey), text })),
  );
}

function readText(file: string): string {
  const bytes = readBytes(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw misuse(
      'config-unreadable',
      `${file} is not UTF-8 text`,
      'Save it again as UTF-8; some editors of Windows write UTF-16.',
      { cause: error },
    );
  }
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const missing = isSystemError(error, 'ENOENT');
    throw misuse(
      'config-unreadable',
      missing ? `there is no file ${file}` : `${file} cannot be read`,
      'Name the file: --config FILE, in a workflow with: { config: FILE }',
      { cause: error },
    );
  }
}

interface Problem {
  at: Position | string;
  text: string;
}

function invalid(file: string, problems: readonly Problem[]): Error {
  const count = problems.length === 1 ? 'one error' : `${problems.length} errors`;
  // From top to bottom, as one goes through a file.
  const ordered = problems
    .map(({ at, text }) => ({ at, text, name: nameOf(file, at) }))
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const places = ordered.flatMap(({ at, text: message }) =>
    // An older version of a file has no path.
    typeof at === 'string' || !isAbsolute(file) ? [] : [{ file, ...at, message }],
  );
  return misuse(
    'config-invalid',
    `${file} has ${count}:\n  ${ordered.map(({ name, text }) => `${name}: ${text}`).join('\n  ')}`,
    'Correct the lines named above.',
    places.length > 0 ? { places } : {},
  );
}

function nameOf(file: string, at: Position | string): string {
  return typeof at === 'string' ? at : `${file}:${at.line}:${at.column}`;
}

function explain(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
): { path: Path; text: string; ofKey?: boolean }[] {
  if (issue.code === 'unrecognized_keys') {
    const valid = keysAt(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), issue.path);
    return issue.keys.map((key) => {
      const guess = nearest(key, valid);
      const hint = guess === undefined ? `expected one of ${valid.join(', ')}` : `did you mean "${guess}"?`;
      return {
        ofKey: true,
        path: [...issue.path, key],
        text: `unknown key "${printPath([...issue.path, key])}"; ${hint}`,
      };
    });
  }
  if (issue.code === 'invalid_key') {
    return [
      {
        ofKey: true,
        path: issue.path,
        text: `"${String(issue.path.at(-1))}": ${issue.issues[0]?.message ?? issue.message}`,
      },
    ];
  }
  const name = printPath(issue.path);
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    return [{ path: issue.path, text: `"${name}" is missing; expected ${kind(issue.expected)}` }];
  }
  const found = issue.input === undefined ? '' : `; found ${shown(issue.input)}`;
  return [{ path: issue.path, text: `"${name}": ${expected(issue)}${found}${guessOf(issue)}` }];
}

function expected(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `expected one of ${issue.values.join(', ')}`;
  const { message } = issue;
  if (message.startsWith('Too small: ') && issue.code === 'too_small') return tooSmall(issue);
  if (issue.code !== 'invalid_type' || !message.startsWith('Invalid input: ')) return message;
  return `expected ${kind(issue.expected)}`;
}

function tooSmall({ origin, minimum, inclusive = true }: z.core.$ZodIssueTooSmall): string {
  if (origin === 'string' || origin === 'array') return `expected ${kind(origin)} that is not empty`;
  return `expected ${kind(origin)} ${inclusive ? 'of at least' : 'above'} ${minimum}`;
}

/** What YAML's users call it. */
function kind(type: string): string {
  const words: Record<string, string> = {
    object: 'a map',
    record: 'a map',
    array: 'a list',
    string: 'a text',
    number: 'a number',
  };
  return words[type] ?? type;
}

const LONGEST_SHOWN = 80;

function shown(value: unknown): string {
  if (value === null) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
}

function guessOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_value' || typeof issue.input !== 'string') return '';
  const guess = nearest(issue.input, issue.values.map(String));
  return guess === undefined ? '' : `; did you mean "${guess}"?`;
}

function printPath(path: Path): string {
  return path.map(String).join('.') || 'the file';
}

const objectSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown(),
});

function keysAt(jsonSchema: unknown, path: Path): string[] {
  const node = objectSchema.safeParse(jsonSchema).data;
  const [head, ...rest] = path;
  if (node === undefined || head === undefined) {
    return Object.keys(node?.properties ?? {});
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
