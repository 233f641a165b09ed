import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ANONYMOUS, environmentId } from './assets.ts';
import { given, mapped } from './camel.ts';
import { byType, isMap, word } from './chosen.ts';
import { checkPlaceholders, INPUT_MODE, literalSchema, OUTPUT_MODE, TYPES } from './inputs-outputs.ts';
import { codeId, type Submission } from './job-head.ts';
import { distributionSchema, environmentSchema, resourcesSchema } from './settings.ts';

const described = { description: z.string().optional() };
const optional = { optional: z.boolean().optional() };
const bound = z.union([z.number(), z.string()]).optional();

const port = (type: string) =>
  z.strictObject({
    type: word(type),
    mode: word(...Object.keys(INPUT_MODE)).optional(),
    ...optional,
    ...described,
  });

const parameter = (type: string) =>
  z.strictObject({
    type: word(type),
    default: literalSchema.optional(),
    min: bound,
    max: bound,
    enum: z.array(z.coerce.string()).optional(),
    ...optional,
    ...described,
  });

const PORTS: readonly string[] = TYPES;
const PARAMETERS = ['string', 'number', 'integer', 'boolean'];
const named = <Schema>(names: readonly string[], make: (name: string) => Schema) =>
  Object.fromEntries(names.map((name) => [name, make(name)]));

/** A command component in a file or in a pipeline: azure-ai-ml, `CommandComponentSchema`. */
export const componentSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().optional(),
  version: z.coerce.string().optional(),
  type: word('command').default('command'),
  display_name: z.string().optional(),
  description: z.string().optional(),
  tags: z.record(z.string(), z.coerce.string()).optional(),
  is_deterministic: z.boolean().default(true),
  inputs: z
    .record(z.string(), byType<z.ZodObject>({ ...named(PORTS, port), ...named(PARAMETERS, parameter) }))
    .default({}),
  outputs: z
    .record(
      z.string(),
      z.strictObject({
        type: word(...PORTS).default('uri_folder'),
        mode: word(...Object.keys(OUTPUT_MODE)).optional(),
        ...described,
      }),
    )
    .default({}),
  command: z.string().min(1),
  code: z.string().min(1).optional(),
  environment: environmentSchema,
  resources: resourcesSchema.optional(),
  distribution: distributionSchema.optional(),
});

export type Component = z.output<typeof componentSchema>;

/** Where a component was written, which the service wants to know. */
export type ComponentSource = 'YAML.JOB' | 'YAML.COMPONENT';

/**
 * Makes an anonymous version of a component, as azure-ai-ml makes it, and gives its ARM id. Its version is a digest of all
 * that it holds, so that the same component is made once; `searched` are a sweep's parameters.
 */
export async function provideComponent(
  submission: Submission,
  component: Component,
  { at, origin, searched = {} }: { at: string[]; origin: ComponentSource; searched?: object | undefined },
): Promise<string> {
  const { assets, source } = submission;
  const { code, environment, command, inputs, outputs, tags, description } = component;
  checkPlaceholders(source, [...at, 'command'], command, {
    inputs: { ...searched, ...inputs },
    outputs,
    search_space: searched,
  });
  const uploaded = code && (await codeId(assets, source, code, [...at, 'code']));
  const installed = await environmentId(assets, source, [...at, 'environment'], environment);
  const componentSpec = given({
    ...component,
    name: ANONYMOUS,
    version: '1',
    inputs: mapped(inputs, parameterOf),
    outputs: mapped(outputs, given),
    code: uploaded && `azureml:${uploaded}`,
    environment: installed.startsWith('/') ? `azureml:${installed}` : installed,
    _source: origin,
  });
  return assets.component(
    versionOf(componentSpec),
    given({ componentSpec, isAnonymous: true, tags, description }),
  );
}

/** The values of a parameter as texts, which keeps a number as it is written. */
function parameterOf(input: Record<string, unknown>): Record<string, unknown> {
  return mapped(given(input), (value, key) => {
    if (!['default', 'min', 'max'].includes(key)) return value;
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    // As Python writes it: a "number" is a float.
    return input['type'] === 'number' && Number.isInteger(value) ? `${String(value)}.0` : String(value);
  });
}

/** In the form of a UUID, as azure-ai-ml's are. */
function versionOf(spec: object): string {
  const hex = createHash('sha256')
    .update(JSON.stringify(sorted(spec)))
    .digest('hex');
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, held]) => [key, sorted(held)]),
  );
}
