import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Card, floatTensor, goldenToJson, type ModelSignature } from '../../src/onnx/index.ts';
import { openLayoutRegistry, packModel, pushModel, writeArtifact } from '../../src/oci/index.ts';
import { CHANNEL_ARTIFACT_TYPE, channelDocumentBytes } from '../../src/trust/index.ts';
import { linearModel } from '../../test/fixtures/onnx-model.ts';

/** A version to put into a registry; everything that is left out is right. */
export interface VersionToPush {
  /** y = scale * x. */
  scale: number;
  model?: Uint8Array;
  /** What the golden sample says that x = 1, 2 give; false for no golden samples. */
  golden?: [number, number] | false;
  signature?: ModelSignature;
  opset?: number;
  executionProviders?: string[];
}

const SIGNATURE: ModelSignature = {
  inputs: [{ name: 'x', dataType: 'FP32', shape: [null, 1] }],
  outputs: [{ name: 'y', dataType: 'FP32', shape: [null, 1] }],
};

/** Packs and pushes a version of model `line`; returns its ModelPack manifest's digest. */
export async function pushVersion(registry: string, version: VersionToPush): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeloop-version-'));
  try {
    const model = version.model ?? linearModel({ scale: version.scale, bias: 0 });
    await writeFile(join(folder, 'model.onnx'), model);
    await writeFile(join(folder, 'edgeloop.json'), JSON.stringify(cardOf(version, model)));
    if (version.golden !== false) {
      const { golden = [version.scale, 2 * version.scale] } = version;
      const samples = goldenToJson([floatTensor('x', [2, 1], [1, 2])], [floatTensor('y', [2, 1], golden)]);
      await writeFile(join(folder, 'golden.json'), JSON.stringify(samples));
    }
    const packed = await packModel(folder, { model: 'line' });
    await pushModel(openLayoutRegistry(registry).repository('line'), packed);
    return packed.descriptor.digest;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function cardOf(version: VersionToPush, model: Uint8Array): Card {
  return {
    schema: 'edgeloop.card/v1',
    model: 'line',
    modelSignature: version.signature ?? SIGNATURE,
    requirements: {
      opset: { 'ai.onnx': version.opset ?? 17 },
      executionProviders: version.executionProviders ?? ['cpu'],
      modelBytes: model.byteLength,
    },
  };
}

/** Points the channel `production` of model `line` at a version. */
export async function rollOut(
  registry: string,
  document: { sequence: number; version: string; digest: string },
): Promise<void> {
  const bytes = channelDocumentBytes({
    schema: 'edgeloop.channel/v1',
    channel: 'production',
    model: 'line',
    issued: '2026-01-02T03:04:05Z',
    ...document,
  });
  await writeArtifact(openLayoutRegistry(registry).repository('line'), {
    artifactType: CHANNEL_ARTIFACT_TYPE,
    mediaType: CHANNEL_ARTIFACT_TYPE,
    bytes,
    tag: 'channel-production',
    moveTag: true,
  });
}

/** A scratch folder with a state folder's and a registry's place in it. */
export async function scratch(): Promise<{ root: string; state: string; registry: string }> {
  const root = await mkdtemp(join(tmpdir(), 'edgeloop-agent-'));
  const registry = join(root, 'registry');
  await mkdir(registry);
  return { root, state: join(root, 'state'), registry };
}
