import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { z } from 'zod';

const parameterSchema = z.looseObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'formData', 'body', 'header']),
  required: z.boolean().optional(),
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  schema: z.unknown().optional(),
});
const operationSchema = z.looseObject({
  consumes: z.array(z.string()).optional(),
  parameters: z.array(z.record(z.string(), z.unknown())).default([]),
  responses: z.record(z.string(), z.looseObject({ schema: z.unknown().optional() })),
});

/** What an operation was sent. */
export interface Sent {
  query: URLSearchParams;
  contentType?: string | undefined;
  /** As it came; empty for none. */
  body: string;
}

/** One operation of Azure Container Registry, as Microsoft describes it. */
export interface Operation {
  /** What is wrong with a request for it, a sentence each. */
  misfitsOfRequest(sent: Sent): string[];
  /** What is wrong with our answer. */
  misfitsOfAnswer(status: number, body: unknown): string[];
}

const FILE = new URL('../../fixtures/azure-rest-api/container-registry.json', import.meta.url);

/** Reads Microsoft's description (Swagger 2.0); the operation of a route such as `PATCH /acr/v1/{name}/_tags/{reference}`. */
export function readDescription(): (route: string) => Operation {
  const document = z.looseObject({}).parse(JSON.parse(readFileSync(FILE, 'utf8')));
  const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, allErrors: true });
  // Never validated against as a whole: ajv resolves references into it.
  ajv.addSchema(document, 'acr');
  const resolved = (value: unknown): unknown => {
    const $ref: unknown = Object(value)['$ref'];
    if (typeof $ref !== 'string') return value;
    return $ref
      .slice('#/'.length)
      .split('/')
      .reduce<unknown>((at, key) => Object(at)[key], document);
  };
  const misfits = (what: string, schema: unknown, value: unknown): string[] => {
    const absolute: unknown = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"acr#/'));
    const validate = ajv.compile(Object(absolute));
    return validate(value) ? [] : [`${what}: ${ajv.errorsText(validate.errors, { dataVar: '' })}`];
  };

  return (route) => {
    const [method = '', path = ''] = route.split(' ');
    const { consumes, parameters, responses } = operationSchema.parse(
      Object(Object(document['paths'])[path])[method.toLowerCase()],
    );
    const described = parameters.map((parameter) => parameterSchema.parse(resolved(parameter)));
    const bodySchema = described.find((parameter) => parameter.in === 'body')?.schema;

    const misfitsOfFields = (place: 'query' | 'formData', given: URLSearchParams): string[] => {
      const known = described.filter((parameter) => parameter.in === place);
      const unknown = [...given.keys()].filter((key) => !known.some(({ name }) => name === key));
      return [
        // OAuth's own, which docker clients send to every token server.
        ...unknown
          .filter((key) => !(place === 'formData' && key === 'client_id'))
          .map((key) => `${place} has ${key}, which is not described`),
        ...known.flatMap(({ name, required, enum: values }) => {
          const value = given.get(name);
          if (value === null) return required === true ? [`${place} lacks ${name}`] : [];
          return value === '' || values?.includes(value) === false ? [`${place}: ${name} is "${value}"`] : [];
        }),
      ];
    };
    const misfitsOfBody = (body: string): string[] => {
      if (bodySchema === undefined) return body === '' ? [] : ['it takes no body'];
      const value: unknown = JSON.parse(body || '{}');
      const properties: unknown = Object(resolved(bodySchema))['properties'];
      // The description lets more properties pass than it has, a misspelt one for example.
      const more = Object.keys(Object(value)).filter((key) => !(key in Object(properties)));
      return [
        ...more.map((key) => `the body has ${key}, which is not described`),
        ...misfits('body', bodySchema, value),
      ];
    };

    return {
      misfitsOfRequest({ query, contentType = '', body }) {
        const isForm = described.some((parameter) => parameter.in === 'formData');
        const type = contentType.replace(/;.*/, '');
        const wrongType =
          body !== '' && consumes?.includes(type) === false ? [`it takes no ${type || 'untyped body'}`] : [];
        return [
          ...wrongType,
          ...misfitsOfFields('query', query),
          ...(isForm ? misfitsOfFields('formData', new URLSearchParams(body)) : misfitsOfBody(body)),
        ];
      },
      misfitsOfAnswer(status, body) {
        const schema = (responses[status] ?? responses['default'])?.schema;
        return schema === undefined ? [] : misfits(`answer ${status}`, schema, body);
      },
    };
  };
}
