import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attribute,
  bytesField,
  classifierModel,
  externalDataModel,
  identityModel,
  linearModel,
  numberField,
  onnxModel,
  optionalInputModel,
} from '../../test/fixtures/onnx-model.ts';
import { EdgeloopError } from '../errors.ts';
import { readModelFile } from './model-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgeloop-model-file-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(bytes: Uint8Array, name = 'model.onnx'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}
const read = async (bytes: Uint8Array) => readModelFile(await write(bytes));

describe('readModelFile', () => {
  it('tells what a model is', async () => {
    const bytes = linearModel({ inputs: ['a', 'b'], metadata: { author: 'Ann', labels: '["no","yes"]' } });
    expect(await read(bytes)).toEqual({
      irVersion: 8,
      producer: 'edgeloop-test',
      opset: { 'ai.onnx': 17 },
      metadata: { author: 'Ann', labels: '["no","yes"]' },
      modelSignature: {
        inputs: [
          { name: 'a', dataType: 'FP32', shape: [null, 1] },
          { name: 'b', dataType: 'FP32', shape: [null, 1] },
        ],
        outputs: [{ name: 'y', dataType: 'FP32', shape: [null, 1] }],
        labels: ['no', 'yes'],
      },
      operators: ['ai.onnx:Add', 'ai.onnx:Mul', 'ai.onnx:Sum'],
      externalData: [],
      bytes: bytes.byteLength,
    });
  });

  it('takes labels from the classifier when no metadata names them', async () => {
    const strings = await read(classifierModel({ labels: ['stays', 'leaves'] }));
    expect(strings.modelSignature.labels).toEqual(['stays', 'leaves']);
    expect(strings.opset).toEqual({ 'ai.onnx': 17, 'ai.onnx.ml': 3 });
    expect(strings.operators).toContain('ai.onnx.ml:LinearClassifier');
    const ints = await read(classifierModel({ labels: [-1, 1] }));
    expect(ints.modelSignature.labels).toEqual([-1, 1]);
  });

  it('reads labels of a ZipMap whether packed or not, behind a long list of other numbers', async () => {
    const packed = Buffer.concat([
      bytesField(1, 'classlabels_int64s'),
      bytesField(8, Uint8Array.of(3, 4, 0x85, 1)),
    ]);
    for (const labels of [packed, attribute.ints('classlabels_int64s', [3, 4, 133])]) {
      const model = await read(
        onnxModel({
          nodes: [
            {
              op: 'ZipMap',
              domain: 'ai.onnx.ml',
              inputs: ['x'],
              outputs: ['y'],
              attributes: [attribute.ints('nodes_ids', Array(50_000).fill(7)), labels],
            },
          ],
          inputs: [{ name: 'x', type: 'FLOAT', shape: ['N', 3] }],
          outputs: [{ name: 'y', type: 'FLOAT', shape: [null, 3] }],
        }),
      );
      expect(model.modelSignature.labels).toEqual([3, 4, 133]);
    }
  });

  it('ignores a metadata property "labels" that is no list of labels', async () => {
    const model = await read(linearModel({ metadata: { labels: 'cat, dog' } }));
    expect(model.modelSignature.labels).toBeUndefined();
  });

  it('marks an input with an initializer as optional, and leaves other initializers out', async () => {
    const { inputs } = (await read(optionalInputModel())).modelSignature;
    expect(inputs).toEqual([
      { name: 'x', dataType: 'FP32', shape: [null, 1] },
      { name: 'bias', dataType: 'FP32', shape: [1], optional: true },
    ]);
  });

  it('leaves weights out that an old file had to list as inputs', async () => {
    // A later field of the same number replaces an earlier one.
    const old = Buffer.concat([optionalInputModel(), numberField(1, 3)]);
    const { inputs } = (await read(old)).modelSignature;
    expect(inputs.map((input) => input.name)).toEqual(['x']);
  });

  it('names the files that hold weights, also those of a subgraph', async () => {
    await write(new Uint8Array(4), 'weights.bin');
    expect((await read(externalDataModel('weights.bin').model)).externalData).toEqual(['weights.bin']);
    await write(new Uint8Array(4), 'branch.bin');
    const entry = Buffer.concat([bytesField(1, 'location'), bytesField(2, 'branch.bin')]);
    const tensor = Buffer.concat([bytesField(13, entry), numberField(14, 1)]);
    const branch = Buffer.concat([bytesField(1, bytesField(4, 'Relu')), bytesField(5, tensor)]);
    const model = await read(
      onnxModel({
        nodes: [
          {
            op: 'If',
            inputs: ['x'],
            outputs: ['y'],
            attributes: [Buffer.concat([bytesField(1, 'then_branch'), bytesField(6, branch)])],
          },
        ],
        inputs: [{ name: 'x', type: 'BOOL', shape: [] }],
        outputs: [{ name: 'y', type: 'FLOAT', shape: [2] }],
      }),
    );
    expect(model.externalData).toEqual(['branch.bin']);
    expect(model.operators).toEqual(['ai.onnx:If', 'ai.onnx:Relu']);
    expect(model.modelSignature.inputs[0]?.shape).toEqual([]);
  });

  it('refuses inputs that the Open Inference Protocol has no data type for', async () => {
    await expect(read(identityModel('BFLOAT16'))).rejects.toMatchObject({
      code: 'model-unsupported',
      message: expect.stringContaining('input "x"'),
    });
    const sequence = Buffer.concat([bytesField(1, 's'), bytesField(2, bytesField(4, ''))]);
    const model = Buffer.concat([linearModel(), bytesField(7, bytesField(12, sequence))]);
    await expect(read(model)).rejects.toMatchObject({
      code: 'model-unsupported',
      message: expect.stringContaining('output "s" is a sequence'),
    });
  });
});

describe('readModelFile on what is no model', () => {
  const unreadable = { code: 'model-unreadable', exitCode: 1 };

  it.each([
    ['an empty file', ''],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1\n'],
    ['a web page', '<!DOCTYPE html><html><body>404</body></html>'],
    ['zeros', '\0'.repeat(1000)],
    ['JSON', '{"model": 1}'],
  ])('refuses %s with file and byte', async (_, text) => {
    await expect(read(Buffer.from(text))).rejects.toMatchObject({
      ...unreadable,
      message: expect.stringMatching(/model\.onnx, byte \d+: /),
    });
  });

  it('refuses a file that is not there, and a folder', async () => {
    await expect(readModelFile(join(folder, 'none.onnx'))).rejects.toMatchObject(unreadable);
    await expect(readModelFile(folder)).rejects.toMatchObject(unreadable);
  });

  it('refuses a length that lies, at the byte where it stands', async () => {
    const graph = Buffer.from([0x3a, 0xff, 0xff, 0xff, 0x7f, 1, 2]);
    await expect(read(Buffer.concat([numberField(1, 8), graph]))).rejects.toMatchObject({
      ...unreadable,
      message: expect.stringContaining('byte 2: field 7 is 268435455 bytes long, 2 are left'),
    });
  });

  it('refuses what is nested without an end', async () => {
    let graph: Uint8Array = bytesField(2, 'innermost');
    for (let level = 0; level < 200; level++) {
      graph = bytesField(1, bytesField(5, bytesField(6, graph)));
    }
    await expect(read(Buffer.concat([linearModel(), bytesField(7, graph)]))).rejects.toMatchObject({
      ...unreadable,
      message: expect.stringContaining('nested deeper'),
    });
  });

  it('answers a file that was cut at any byte, or has any byte changed, with a model or a coded error', async () => {
    const bytes = classifierModel({ labels: ['no', 'yes'] });
    const [cut, changed] = [new Set<string>(), new Set<string>()];
    for (let index = 0; index < bytes.byteLength; index++) {
      cut.add(await outcome(bytes.subarray(0, index)));
      changed.add(await outcome(bytes.with(index, (bytes[index] ?? 0) ^ 0xff)));
    }
    expect(cut).toEqual(new Set(['a coded error', 'a model']));
    expect(changed).toEqual(new Set(['a coded error', 'a model']));
  });

  it('reads 300 MB of weights without their memory', async () => {
    const weights = 300 * 1024 * 1024;
    const path = await write(new Uint8Array());
    const head = [numberField(2, 1), bytesField(8, 'weights')];
    const rawHead = bytesField(9, '').subarray(0, 1);
    const length = varint(weights);
    const tensorLength = Buffer.concat(head).length + rawHead.length + length.length + weights;
    const inner = Buffer.concat([...head, rawHead, length]);
    const initializer = Buffer.concat([Uint8Array.of(5 * 8 + 2), varint(tensorLength), inner]);
    // The graph is written as two fields, which protobuf merges: first the weights, sparse on the disk, then the rest.
    const graph = Buffer.concat([
      Uint8Array.of(7 * 8 + 2),
      varint(initializer.length + weights),
      initializer,
    ]);
    await writeFile(path, graph);
    await truncate(path, graph.length + weights);
    const file = await open(path, 'a');
    await file.write(linearModel());
    await file.close();
    const script = `
      import { readModelFile } from ${JSON.stringify(new URL('./model-file.ts', import.meta.url).href)};
      const before = process.memoryUsage.rss();
      const model = await readModelFile(${JSON.stringify(path)});
      const grown = process.resourceUsage().maxRSS * 1024 - before;
      console.log(JSON.stringify({ grown, bytes: model.bytes, inputs: model.modelSignature.inputs.length }));`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module-typescript',
      '-e',
      script,
    ]);
    const { grown, bytes, inputs } = JSON.parse(stdout);
    expect(bytes).toBeGreaterThan(weights);
    expect(inputs).toBe(1);
    expect(grown).toBeLessThan(30 * 1024 * 1024);
  });
});

function varint(value: number): Uint8Array {
  return numberField(1, value).subarray(1);
}

function outcome(bytes: Uint8Array): Promise<string> {
  return read(bytes).then(
    () => 'a model',
    (error: unknown) => (error instanceof EdgeloopError ? 'a coded error' : String(error)),
  );
}
