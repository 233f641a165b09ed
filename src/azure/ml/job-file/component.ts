import { createHash } from 'node:crypto';
import { environmentId } from './assets.ts';
import { isMap } from './chosen.ts';
import { given, mapped } from './camel.ts';
import type { Component } from './component-schema.ts';
import { checkPlaceholders } from './io-rest.ts';
import { ANONYMOUS } from './job-assets.ts';
import { codeId, type Submission } from './job-head.ts';

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
