import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { z } from 'zod';

const parameterSchema = z.object({ name: z.string(), in: z.string(), required: z.boolean().optional() });
const contentSchema = z.object({ content: z.record(z.string(), z.unknown()) });
const operationSchema = z.object({
  parameters: z.array(z.record(z.string(), z.unknown())).default([]),
  requestBody: contentSchema.optional(),
  responses: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/** One operation of GitHub's REST API, as its description has it. */
export interface Operation {
  /** What is wrong with a request for it, a sentence each. */
  misfitsOfRequest(request: { query: URLSearchParams; body: unknown }): string[];
  /** What is wrong with our answer. */
  misfitsOfAnswer(status: number, body: unknown): string[];
}

const JSON_TYPE = 'application/json';

/** Reads GitHub's description (OpenAPI 3.0, 13 MB); validators are made when an operation is first asked for. */
export function readDescription(file: string): (route: string) => Operation {
  const document: unknown = JSON.parse(readFileSync(file, 'utf8'));
  spellNullable(document);
  const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, allErrors: true });
  // Never validated against as a whole: ajv resolves pointers into it.
  ajv.addSchema(z.looseObject({}).parse(document), 'github');
  const validators = new Map<string, ValidateFunction>();
  const operations = new Map<string, Operation>();

  const validator = (tokens: readonly string[]): ValidateFunction => {
    const $ref = `github#${tokens.map((token) => `/${encodeURIComponent(escaped(token))}`).join('')}`;
    const made = validators.get($ref) ?? ajv.compile({ $ref });
    validators.set($ref, made);
    return made;
  };
  const misfits = (what: string, tokens: readonly string[], value: unknown): string[] => {
    const validate = validator(tokens);
    if (validate(value)) return [];
    return [`${what}: ${ajv.errorsText(validate.errors, { dataVar: '' })}`];
  };

  const read = (route: string): Operation => {
    const [method = '', path = ''] = route.split(' ');
    const place = ['paths', path, method.toLowerCase()];
    const operation = operationSchema.parse(at(document, place));
    const parameters = operation.parameters.map((parameter, index) => {
      const given = parameter['$ref'];
      const tokens =
        typeof given === 'string'
          ? given.slice('#/'.length).split('/')
          : [...place, 'parameters', String(index)];
      return { ...parameterSchema.parse(at(document, tokens)), tokens };
    });
    return {
      misfitsOfRequest({ query, body }) {
        const known = parameters.filter((parameter) => parameter.in === 'query');
        const unknown = [...query.keys()].filter((key) => !known.some(({ name }) => name === key));
        const wrong = known.flatMap(({ name, tokens, required }) => {
          const value = query.get(name);
          if (value === null) return required === true ? [`the query lacks ${name}`] : [];
          return misfits(`query ${name}`, [...tokens, 'schema'], /^\d+$/.test(value) ? Number(value) : value);
        });
        const named = unknown.map((name) => `the query has ${name}, which is not described`);
        return [...named, ...wrong, ...misfitsOfBody(body)];
      },
      misfitsOfAnswer(status, body) {
        const response = operation.responses[status];
        if (response === undefined) return status >= 400 ? [] : [`status ${status} is not described`];
        const given = response['$ref'];
        const tokens =
          typeof given === 'string'
            ? given.slice('#/'.length).split('/')
            : [...place, 'responses', String(status)];
        const { content } = z
          .object({ content: z.record(z.string(), z.unknown()).optional() })
          .parse(at(document, tokens));
        if (content?.[JSON_TYPE] === undefined) return [];
        return misfits(`answer ${status}`, [...tokens, 'content', JSON_TYPE, 'schema'], body);
      },
    };
    function misfitsOfBody(body: unknown): string[] {
      if (operation.requestBody === undefined) return body === undefined ? [] : ['it takes no body'];
      const tokens = [...place, 'requestBody', 'content', JSON_TYPE, 'schema'];
      const { properties } = z
        .object({ properties: z.record(z.string(), z.unknown()) })
        .parse(at(document, tokens));
      // The description lets more properties pass than it has, a misspelt one for example.
      const more = Object.keys(Object(body)).filter((key) => properties[key] === undefined);
      return [
        ...more.map((key) => `the body has ${key}, which is not described`),
        ...misfits('body', tokens, body),
      ];
    }
  };

  return (route) => {
    const operation = operations.get(route) ?? read(route);
    operations.set(route, operation);
    return operation;
  };
}

/** Ajv takes OpenAPI's `nullable` beside `type` only: elsewhere `null` becomes one more of the alternatives. */
function spellNullable(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) spellNullable(inner);
  if (!('nullable' in value) || 'type' in value) return;
  for (const [key, inner] of Object.entries(value)) {
    if (['oneOf', 'anyOf'].includes(key) && Array.isArray(inner)) inner.push({ type: 'null' });
  }
  delete value.nullable;
}

/** As a token of a JSON pointer (RFC 6901). */
function escaped(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

function at(document: unknown, tokens: readonly string[]): unknown {
  return tokens.reduce<unknown>((value, token) => Object(value)[token], document);
}
