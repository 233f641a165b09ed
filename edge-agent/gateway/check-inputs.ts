import { failure } from '../../src/errors.ts';
import type { ModelSignature, Tensor, TensorSpec } from '../../src/onnx/index.ts';

const invalid = (code: string, message: string) =>
  failure(
    code,
    message,
    'GET /v2/models/MODEL tells the names, datatypes and shapes of its inputs and outputs.',
  );

/**
 * Checks a request against what a client sees of the model. ONNX Runtime ignores inputs that it does not know and
 * fails deep inside when the first dimensions differ, so both are answered here. Throws `input-missing`,
 * `input-unexpected`, `input-mismatch` or `output-unknown`.
 */
export function checkRequest(
  signature: ModelSignature,
  request: { inputs: readonly Tensor[]; outputs?: readonly string[] },
): void {
  const given = new Map(request.inputs.map((tensor) => [tensor.name, tensor]));
  const missing = signature.inputs.filter((spec) => spec.optional !== true && !given.has(spec.name));
  if (missing.length > 0) throw invalid('input-missing', `missing input ${quoted(missing)}`);
  const specs = new Map(signature.inputs.map((spec) => [spec.name, spec]));
  const seen = new Set<string>();
  for (const tensor of request.inputs) {
    const spec = specs.get(tensor.name);
    if (spec === undefined) throw invalid('input-unexpected', `unexpected input "${tensor.name}"`);
    if (seen.has(tensor.name)) throw invalid('input-unexpected', `input "${tensor.name}" is given twice`);
    seen.add(tensor.name);
    checkInput(spec, tensor);
  }
  checkRows(specs, request.inputs);
  const outputs = new Set(signature.outputs.map((spec) => spec.name));
  const unknown = request.outputs?.find((name) => !outputs.has(name));
  if (unknown !== undefined) throw invalid('output-unknown', `the model has no output "${unknown}"`);
}

function checkInput(spec: TensorSpec, tensor: Tensor): void {
  const where = `input "${spec.name}"`;
  if (tensor.dataType !== spec.dataType) {
    throw invalid('input-mismatch', `${where} is ${tensor.dataType}, expected ${spec.dataType}`);
  }
  const expected = shapeText(spec.shape);
  const actual = shapeText(tensor.shape);
  if (tensor.shape.length !== spec.shape.length) {
    throw invalid(
      'input-mismatch',
      `${where} has ${tensor.shape.length} dimensions ${actual}, expected ${spec.shape.length} ${expected}`,
    );
  }
  const wrong = spec.shape.findIndex((size, axis) => size !== null && size !== tensor.shape[axis]);
  if (wrong !== -1) {
    throw invalid(
      'input-mismatch',
      `${where} has shape ${actual}, expected ${expected}: dimension ${wrong} is ${tensor.shape[wrong]}, not ${spec.shape[wrong]}`,
    );
  }
}

/** The first dynamic dimension of every input is the number of rows, which must be the same everywhere. */
function checkRows(specs: ReadonlyMap<string, TensorSpec>, inputs: readonly Tensor[]): void {
  const byRow = inputs.filter((tensor) => specs.get(tensor.name)?.shape[0] === null);
  const first = byRow[0];
  const other = byRow.find((tensor) => tensor.shape[0] !== first?.shape[0]);
  if (first === undefined || other === undefined) return;
  throw invalid(
    'input-mismatch',
    `input "${other.name}" has ${other.shape[0]} rows, but input "${first.name}" has ${first.shape[0]}`,
  );
}

const quoted = (specs: readonly TensorSpec[]) => specs.map((spec) => `"${spec.name}"`).join(', ');
const shapeText = (shape: readonly (number | null)[]) => `[${shape.map((size) => size ?? -1).join(',')}]`;
