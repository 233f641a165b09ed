import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packModel, openRegistry, pushModel } from '../../src/oci/index.ts';
import { floatBytes, onnxModel } from '../../test/fixtures/onnx-model.ts';
import type { Release } from './churn-project.ts';

const [COLUMNS, ROWS, HIDDEN, OUT] = [64, 256, 1536, 4];

/**
 * A model of 2 to 3 ms a run on one thread of a server with small requests: `x` FLOAT [1,64] is spread to 256 rows, two dense
 * layers (64 to 1536 to 256, 250 million operations) are computed for them, and their mean is `y` FLOAT [1,4].
 */
export function matrixModel(): Uint8Array {
  return onnxModel({
    nodes: [
      multiply('spread', 'x', 'x0'),
      multiply('x0', 'w1', 'x1'),
      { op: 'Relu', inputs: ['x1'], outputs: ['x2'] },
      multiply('x2', 'w2', 'x3'),
      { op: 'Relu', inputs: ['x3'], outputs: ['x4'] },
      multiply('x4', 'w3', 'x5'),
      multiply('gather', 'x5', 'y'),
    ],
    inputs: [{ name: 'x', type: 'FLOAT', shape: [1, COLUMNS] }],
    outputs: [{ name: 'y', type: 'FLOAT', shape: [1, OUT] }],
    initializers: [
      weights('spread', ROWS, 1),
      weights('w1', COLUMNS, HIDDEN),
      weights('w2', HIDDEN, ROWS),
      weights('w3', ROWS, OUT),
      { name: 'gather', shape: [1, ROWS], data: floatBytes(...Array.from({ length: ROWS }, () => 1 / ROWS)) },
    ],
  });
}

const weights = (name: string, height: number, width: number) => ({
  name,
  shape: [height, width],
  data: new Uint8Array(Float32Array.from(pseudoRandom(height * width, 1 / Math.sqrt(height))).buffer),
});

const multiply = (a: string, b: string, out: string) => ({ op: 'MatMul', inputs: [a, b], outputs: [out] });

/** Requests for it, each with other numbers. */
export function matrixBodies(count: number): string[] {
  const values = pseudoRandom(count * COLUMNS, 1).map((value) => Math.round(value * 1000) / 1000);
  return Array.from({ length: count }, (_, row) => {
    const data = values.slice(row * COLUMNS, (row + 1) * COLUMNS);
    return JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, COLUMNS], data }] });
  });
}

/** Puts it into a registry as version 1.0.0. */
export async function releaseMatrix(registry: string, scratch: string): Promise<Release> {
  const folder = join(scratch, 'matrix');
  const modelFile = join(folder, 'model.onnx');
  const model = matrixModel();
  await mkdir(folder);
  await writeFile(modelFile, model);
  const card = {
    schema: 'edgeloop.card/v1',
    model: 'matrix',
    modelSignature: {
      inputs: [{ name: 'x', dataType: 'FP32', shape: [1, COLUMNS] }],
      outputs: [{ name: 'y', dataType: 'FP32', shape: [1, OUT] }],
    },
    requirements: { opset: { 'ai.onnx': 17 }, executionProviders: ['cpu'], modelBytes: model.byteLength },
  };
  await writeFile(join(folder, 'edgeloop.json'), JSON.stringify(card));
  const packed = await packModel(folder, { model: 'matrix' });
  await pushModel(openRegistry(registry).repository('matrix'), packed);
  return { version: '1.0.0', digest: packed.descriptor.digest, modelFile };
}

/** The same numbers in every run, uniform in [-scale, scale]: a linear congruential generator (Numerical Recipes). */
function pseudoRandom(count: number, scale: number): number[] {
  let seed = 1;
  return Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed / 2 ** 31 - 1) * scale;
  });
}
