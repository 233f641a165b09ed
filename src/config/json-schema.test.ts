import { globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { EdgeloopError } from '../errors.ts';
import { loadAgentConfig, loadConfig } from './index.ts';

// What an editor knows, the committed JSON Schemas by an independent validator, against what Edgeloop accepts.
const ROOT = resolve(import.meta.dirname, '../..');
const NAMES = ['edgeloop', 'agent'] as const;
type Name = (typeof NAMES)[number];

const documents = { edgeloop: committed('edgeloop'), agent: committed('agent') };
const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
const validators = { edgeloop: ajv.compile(documents.edgeloop), agent: ajv.compile(documents.agent) };
const scratch = mkdtempSync(join(tmpdir(), 'edgeloop-schema-'));

function committed(name: Name): Record<string, unknown> {
  return JSON.parse(readFileSync(join(ROOT, `schema/${name}.schema.json`), 'utf8'));
}

function loaderAccepts(name: Name, text: string): boolean {
  const file = join(scratch, `${name}.yaml`);
  writeFileSync(file, text);
  try {
    if (name === 'edgeloop') loadConfig(scratch, file, {});
    else loadAgentConfig(scratch, file, {});
    return true;
  } catch (error) {
    if (error instanceof EdgeloopError && error.code === 'config-invalid') return false;
    throw error;
  }
}

const schemaAccepts = (name: Name, text: string): boolean => validators[name](parse(text));

const VALID: Record<Name, string> = {
  edgeloop: readFileSync(join(ROOT, 'examples/churn/edgeloop.yaml'), 'utf8'),
  agent: readFileSync(join(ROOT, 'examples/churn/agent.yaml'), 'utf8'),
};

const replaced = (name: Name, from: string | RegExp, to: string): string => {
  const text = VALID[name].replace(from, () => to);
  expect(text).not.toBe(VALID[name]);
  return text;
};

function quantileLoss(quantile: number): string {
  return `task: regression
      label: churn
      metrics: { quantile_loss: { quantile: ${quantile} } }
      budget`;
}

/** What it is about, whose file, what is replaced by what, and whether the result is accepted. */
const TABLE: [string, Name, string | RegExp, string, boolean][] = [
  ['an unknown key', 'edgeloop', 'holdout: data', 'holdot: data', false],
  ['an unknown first key', 'edgeloop', 'channels:', 'chanels:', false],
  ['a missing key', 'edgeloop', /code: .*/, '', false],
  ['a number for a path', 'edgeloop', 'code: training', 'code: 5', false],
  ['an empty path', 'edgeloop', 'code: training', "code: ''", false],
  ['no value', 'edgeloop', 'label: churn', 'label:', false],
  ['a list for a map', 'edgeloop', /data:\n/, 'data:\n      - holdout.csv\n    unknown:\n', false],
  ['a duration in words', 'edgeloop', '30m', '30 minutes', false],
  ['a duration without a unit', 'edgeloop', '30m', '30', false],
  ['a duration with a fraction', 'edgeloop', '30m', '1.5h', true],
  ['no duration', 'edgeloop', 'timeout: 30m', '', true],
  ['a name in capitals', 'edgeloop', '  churn:\n', '  Churn:\n', false],
  ['a name of one letter', 'edgeloop', '  churn:\n', '  c:\n', false],
  ['a name with a hyphen last', 'edgeloop', '  churn:\n', '  churn-:\n', false],
  ['a name of 63 characters', 'edgeloop', '  churn:\n', `  ${'c'.repeat(63)}:\n`, true],
  ['a name of 64 characters', 'edgeloop', '  churn:\n', `  ${'c'.repeat(64)}:\n`, false],
  ['a param that is a list', 'edgeloop', 'trees: 120', 'trees: [120]', false],
  ['a param that is true', 'edgeloop', 'trees: 120', 'trees: true', true],
  ['a param with a hyphen', 'edgeloop', 'trees: 120', 'tree-count: 120', false],
  ['no param', 'edgeloop', /params: .*/, '', true],
  ['an unknown target', 'edgeloop', 'target: local', 'target: remote', false],
  ['an unknown task', 'edgeloop', 'binary-classification', 'binary', false],
  ['an unknown metric', 'edgeloop', 'auc:', 'acu:', false],
  ['no metric', 'edgeloop', /metrics:\n.*\n.*\n/, 'metrics: {}\n', false],
  ['a floor in words', 'edgeloop', 'min: 0.85', 'min: high', false],
  ['a quantile of a metric that has none', 'edgeloop', 'min: 0.85', 'quantile: 0.9', false],
  ['a quantile below 1', 'edgeloop', /task: [^]*budget/, quantileLoss(0.99), true],
  ['a quantile of 1', 'edgeloop', /task: [^]*budget/, quantileLoss(1), false],
  ['a tolerance in percent', 'edgeloop', '15%', '0.5%', true],
  ['a tolerance below zero', 'edgeloop', '15%', '-0.1', false],
  ['a tolerance in words', 'edgeloop', '15%', 'much', false],
  ['a size without a unit', 'edgeloop', '10MB', '10', false],
  ['a size in KiB', 'edgeloop', '10MB', '10KiB', true],
  ['no budget', 'edgeloop', /budget: .*/, '', true],
  ['no model', 'edgeloop', /models:\n[^]*channels/, 'models: {}\nchannels', false],
  ['no channel', 'edgeloop', '[production]', '[]', false],
  ['a channel that is no list', 'edgeloop', '[production]', 'production', false],
  ['an illegal channel', 'edgeloop', '[production]', '[production, Canary]', false],
  ['a list for the file', 'edgeloop', /^[^]*$/, '- 1\n', false],
  ['an unknown key', 'agent', 'poll:', 'pol:', false],
  ['a missing key', 'agent', /state: .*/, '', false],
  ['an address without a port', 'agent', '127.0.0.1:8080', 'localhost', false],
  ['an address of IPv6', 'agent', '127.0.0.1:8080', "'[::1]:0'", true],
  ['the last port', 'agent', '127.0.0.1:8080', 'localhost:65535', true],
  ['a port behind the last', 'agent', '127.0.0.1:8080', 'localhost:65536', false],
  ['a duration without a unit', 'agent', '60s', '60', false],
  ['an illegal channel', 'agent', 'channel: production', 'channel: Production', false],
  ['a range that is a number', 'agent', '^1.0.0', '1.5', false],
  ['no range', 'agent', /accept: .*/, '{}', true],
  ['no model', 'agent', /models:[^]*$/, 'models: {}\n', false],
];

describe.each(NAMES)('schema/%s.schema.json', (name) => {
  it('accepts the file of every example, which names it', () => {
    const files = globSync(`examples/*/${name}.yaml`, { cwd: ROOT });
    expect(files).toContain(`examples/churn/${name}.yaml`);
    for (const file of files) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      expect({ file, accepted: schemaAccepts(name, text) }).toEqual({ file, accepted: true });
      const [, path = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
      expect(resolve(ROOT, dirname(file), path)).toBe(join(ROOT, `schema/${name}.schema.json`));
    }
  });

  it('names its version of JSON Schema, itself and what it describes', () => {
    expect(documents[name]).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `${name}.schema.json`,
      title: `${name}.yaml`,
    });
  });

  it('describes every key, with its default, and with examples that it accepts itself', () => {
    const keys = keysOf(documents[name]);
    expect(keys.filter(({ schema }) => !/\w{3}.*\.$/.test(String(schema['description'])))).toEqual([]);
    const wrong = keys.flatMap(({ path, schema }) =>
      [...listOf(schema['examples']), ...('default' in schema ? [schema['default']] : [])]
        .filter((example) => !ajv.validate(schema, example))
        .map((example) => ({ path, example })),
    );
    expect(wrong).toEqual([]);
    expect(keys.filter(({ schema }) => 'examples' in schema).length).toBeGreaterThan(keys.length / 2);
  });

  it.each(TABLE.filter(([, whose]) => whose === name))('agrees with the loader on %s', (...row) => {
    const [, , from, to, accepted] = row;
    const text = replaced(name, from, to);
    expect({ loader: loaderAccepts(name, text), schema: schemaAccepts(name, text) }).toEqual({
      loader: accepted,
      schema: accepted,
    });
  });

  it('agrees with the loader wherever any value is replaced, removed or added', () => {
    const valid: unknown = parse(VALID[name]);
    // What a range is only semver knows: the JSON Schema asks for a text.
    const places = placesIn(valid).filter((path) => path.at(-1) !== 'accept');
    const outcomes = new Set<boolean>();
    assert(
      property(
        constantFrom(...places),
        constantFrom(...STRANGE),
        constantFrom('replace', 'remove', 'min', 'size', 'auc', 'churn', 'X', 'params', 'channels', 'a-b'),
        (path, value, change) => {
          const text = stringify(changed(valid, path, value, change));
          const accepted = loaderAccepts(name, text);
          outcomes.add(accepted);
          expect({ text, accepted: schemaAccepts(name, text) }).toEqual({ text, accepted });
        },
      ),
      { numRuns: 300, seed: 7 },
    );
    expect(outcomes).toEqual(new Set([true, false]));
  });
});

// prettier-ignore
const STRANGE: unknown[] = [
  null, true, 0, -1, 0.5, 1e9, Infinity, '', ' ', 'x', 'churn', '5%', '30m', '10MB', 'oci:x', 'localhost:80',
  [], ['production'], [1], {}, { churn: {} }, { min: 1 }, { size: '1MB' }, { auc: {} }, { trees: 1 },
];

type Place = (string | number)[];

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

function placesIn(value: unknown, path: Place = []): Place[] {
  const inner = isMap(value)
    ? Object.entries(value).flatMap(([key, child]) => placesIn(child, [...path, key]))
    : [];
  return [path, ...inner];
}

/** A copy in which the value at a place is replaced or removed, or has got one more key. */
function changed(document: unknown, [key, ...rest]: Place, value: unknown, change: string): unknown {
  if (key === undefined) {
    if (change === 'replace' || change === 'remove') return value;
    return isMap(document) ? { ...document, [change]: value } : { [change]: value };
  }
  if (!isMap(document)) throw new Error(`nothing stands at ${key}`);
  const copy: Record<string | number, unknown> = { ...document };
  if (change === 'remove' && rest.length === 0) delete copy[key];
  else copy[key] = changed(copy[key], rest, value, change);
  return Array.isArray(document) ? Object.values(copy) : copy;
}

interface Key {
  path: string;
  schema: Record<string, unknown>;
}

/** Every key that a JSON Schema knows, those of maps of any names included. */
function keysOf(schema: unknown, path = ''): Key[] {
  if (!isMap(schema)) return [];
  const named = isMap(schema['properties']) ? Object.entries(schema['properties']) : [];
  const keys = named.flatMap(([key, inner]) => {
    const below = keysOf(inner, `${path}.${key}`);
    return isMap(inner) ? [{ path: `${path}.${key}`, schema: inner }].concat(below) : below;
  });
  return keys.concat(keysOf(schema['additionalProperties'], `${path}.*`));
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
