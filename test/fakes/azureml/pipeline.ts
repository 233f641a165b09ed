import { field, object, text } from './answer.ts';
import { type Compute, outputUri } from './command.ts';
import type { RunError } from './job.ts';
import type { ParentDeps } from './sweep.ts';

/** Runs the command nodes of a pipeline, one after the other, each after those that it reads from. */
export async function runPipeline({
  job,
  child,
  compute,
}: ParentDeps & { compute: Compute }): Promise<RunError | undefined> {
  const nodes = Object.entries(object(job.properties['jobs']));
  const places = new Map<string, string>();
  const done = new Set<string>();
  const parent = { name: job.name, ...job.properties };
  for (const [name, node] of nodes) {
    // What only the component declares has a place as well.
    const outputs = { ...object(componentOf(node, compute)['outputs']), ...object(field(node, 'outputs')) };
    for (const output of Object.keys(outputs)) {
      const binding = field(field(node, 'outputs'), output);
      places.set(`${name}.${output}`, placeOf(parent, `${job.name}_${name}`, output, binding));
    }
  }
  while (done.size < nodes.length) {
    const ready = nodes.find(
      ([name, node]) => !done.has(name) && readsFrom(node).every((one) => done.has(one)),
    );
    if (ready === undefined)
      return { code: 'UserError', message: 'The bindings of the pipeline form a circle, or name no node.' };
    if (job.abort.signal.aborted) return undefined;
    const [name, node] = ready;
    const { properties } = nodeOf(node, parent, places, name, compute);
    const run = child(`${job.name}_${name}`, properties);
    await run.ended;
    if (run.status !== 'Completed')
      return { code: 'UserError', message: `The step ${name} (${run.name}) is ${run.status}.` };
    done.add(name);
  }
  return undefined;
}

const BINDING = /^\$\{\{\s*parent\.(inputs|outputs|jobs)\.([\w-]+)(?:\.outputs\.([\w-]+))?\s*\}\}$/;

function bound(value: unknown): { from: string; name: string; output: string | undefined } | undefined {
  const written = text(value) ?? text(field(value, 'value')) ?? text(field(value, 'uri')) ?? '';
  const [, from, name, output] = BINDING.exec(written) ?? [];
  return from === undefined || name === undefined ? undefined : { from, name, output };
}

function readsFrom(node: unknown): string[] {
  return Object.values(object(field(node, 'inputs'))).flatMap((input) => {
    const binding = bound(input);
    return binding?.from === 'jobs' ? [binding.name] : [];
  });
}

function placeOf(parent: { name: string }, child: string, output: string, binding: unknown): string {
  const to = bound(binding);
  if (to?.from === 'outputs')
    return outputUri(parent.name, to.name, field(field(parent, 'outputs'), to.name));
  return outputUri(child, output, binding);
}

const asset = (value: unknown) => text(value)?.replace(/^azureml:(?=\/)/, '');

/** What the component of a node says; a node may say all of it by itself. */
function componentOf(node: unknown, { assets }: Compute): Record<string, unknown> {
  const [, component = '', version = ''] =
    /(?:\/components\/|^azureml:)([^/:]+)(?:\/versions\/|:)([^/]+)$/.exec(
      text(field(node, 'componentId')) ?? '',
    ) ?? [];
  return object(assets.version('components', component, version)?.properties['componentSpec']);
}

/** A node as a command job: what its component says, with what is bound put in. */
function nodeOf(
  node: unknown,
  parent: { name: string },
  places: Map<string, string>,
  name: string,
  compute: Compute,
): { properties: Record<string, unknown> } {
  const spec = componentOf(node, compute);
  const said = { ...spec, ...object(node) };
  const inputs = Object.entries(object(field(node, 'inputs'))).map(([key, input]) => {
    const declared = text(field(field(spec['inputs'], key), 'type'));
    return [key, inputOf(input, declared, parent, places)];
  });
  // What a component declares and nobody has bound has its default.
  const defaults = Object.entries(object(spec['inputs'])).flatMap(([key, input]) => {
    const value = field(input, 'default');
    return value === undefined ? [] : [[key, { jobInputType: 'literal', value: String(value) }]];
  });
  const outputs = Array.from(places).flatMap(([place, uri]) => {
    const [of, key = ''] = place.split('.');
    const jobOutputType = text(field(field(spec['outputs'], key), 'type')) ?? 'uri_folder';
    return of === name ? [[key, { jobOutputType, uri }]] : [];
  });
  const codeId = asset(said['codeId'] ?? said['code']);
  return {
    properties: {
      jobType: 'Command',
      experimentName: field(parent, 'experimentName'),
      tags: {},
      properties: { 'azureml.moduleName': name },
      command: said['command'],
      ...(codeId !== undefined && { codeId }),
      environmentId: asset(said['environmentId'] ?? said['environment']),
      environmentVariables: object(said['environmentVariables'] ?? said['environment_variables']),
      inputs: { ...Object.fromEntries(defaults), ...Object.fromEntries(inputs) },
      outputs: Object.fromEntries(outputs),
    },
  };
}

function inputOf(
  input: unknown,
  declared: string | undefined,
  parent: object,
  places: Map<string, string>,
): unknown {
  const binding = bound(input);
  if (binding?.from === 'inputs') return field(field(parent, 'inputs'), binding.name);
  if (binding?.from === 'jobs')
    return { jobInputType: declared ?? 'uri_folder', uri: places.get(`${binding.name}.${binding.output}`) };
  const type = text(field(input, 'jobInputType')) ?? text(field(input, 'job_input_type')) ?? 'literal';
  const value = field(input, 'value');
  return {
    jobInputType: type,
    ...(value !== undefined && { value: String(value) }),
    ...(field(input, 'uri') !== undefined && { uri: field(input, 'uri') }),
  };
}
