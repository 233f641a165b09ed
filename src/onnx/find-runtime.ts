import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Where this program has no `node_modules`, EDGELOOP_ONNXRUNTIME names the folder whose `node_modules` holds it. */
export function findRuntime(): NodeJS.Require {
  const folder = process.env['EDGELOOP_ONNXRUNTIME'];
  return createRequire(folder ? join(folder, 'package.json') : import.meta.url);
}

/** The version of ONNX Runtime that is installed; `undefined` for none. Does not load it. */
export function runtimeVersion(): string | undefined {
  try {
    const text = readFileSync(findRuntime().resolve('onnxruntime-node/package.json'), 'utf8');
    return String(Object(JSON.parse(text)).version);
  } catch {
    return undefined;
  }
}
