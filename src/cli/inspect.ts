import { inspectImage, type InspectedImage } from '../loop/inspect-image.ts';
import type { Descriptor } from '../oci/index.ts';
import type { Card, TensorSpec } from '../onnx/index.ts';
import { byteCount } from '../byte-count.ts';
import { type ReferenceOptions, registryOptions } from './registry-options.ts';
import { runVerb } from './run-verb.ts';
import { table } from './table.ts';

/** `edgeloop inspect REF` */
export default function inspect(ref: string, options: ReferenceOptions): Promise<void> {
  return runVerb(options, async (context) => {
    const json = await inspectImage(ref, registryOptions(options, context));
    return { json, text: page(json) };
  });
}

function page({ ref, digest, image, bytes, layers, card, annotations, referrers }: InspectedImage): string {
  const name = card?.model ?? annotations['org.opencontainers.image.title'] ?? '';
  const facts: [string, string][] = [
    ['model', digest],
    ...(image === undefined ? [] : ([['image', image.digest]] satisfies [string, string][])),
    ['size', `${byteCount(bytes)} in ${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`],
    ...(card === undefined ? [] : cardFacts(card)),
  ];
  return [
    `${name}${image === undefined ? '' : ` ${image.version}`}  ${ref}`,
    ...table(facts),
    ...section('layers', layers.map(layerRow)),
    ...section(
      'referrers',
      referrers.map(({ artifactType = '', digest: its }) => [artifactType, its]),
    ),
  ].join('\n');
}

function cardFacts({ modelSignature, requirements, training }: Card): [string, string][] {
  const { inputs, outputs } = modelSignature;
  const opset = Object.entries(requirements.opset).map(([domain, version]) => `${domain} ${version}`);
  return [
    ...inputs.map((input, index): [string, string] => [index === 0 ? 'inputs' : '', tensor(input)]),
    ...outputs.map((output, index): [string, string] => [index === 0 ? 'outputs' : '', tensor(output)]),
    ['opset', opset.join(', ')],
    ['runs on', requirements.executionProviders.join(', ')],
    ...(training === undefined ? [] : trainingFacts(training)),
  ];
}

function trainingFacts({ inputs, commit, job, inputKey }: NonNullable<Card['training']>): [string, string][] {
  return [
    ['data', inputs.dataset],
    ['commit', commit ?? 'none'],
    ['job', `${job.name} (${job.target})`],
    ['input key', inputKey],
  ];
}

function tensor({ name, dataType, shape }: TensorSpec): string {
  return `${name} ${dataType} [${shape.map((size) => size ?? 'N').join(',')}]`;
}

function layerRow({ mediaType, digest, size, annotations }: Descriptor): string[] {
  const path = annotations?.['org.cncf.model.filepath'] ?? mediaType;
  return [path, byteCount(size), digest];
}

function section(title: string, rows: string[][]): string[] {
  return rows.length === 0 ? [] : [title, ...table(rows)];
}
