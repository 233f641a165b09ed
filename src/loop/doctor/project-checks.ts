import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { runtimeVersion } from '../../onnx/index.ts';
import { packageRoot } from '../../package-root.ts';
import { misuse } from '../../errors.ts';
import { withoutSecret } from '../on-github.ts';
import type { Workspace } from '../workspace.ts';
import { type Found, ok, skipped, warn } from './check.ts';

/** Node, as the package asks for it. */
export function lookAtNode(): Found {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  const wanted = String(Object(Object(manifest).engines).node ?? '*');
  const { version } = process;
  if (satisfies(version, wanted)) return ok(`Node ${version}`);
  throw misuse('node-too-old', `Node is ${version}, and must be ${wanted}`, 'Install it: https://nodejs.org');
}

export function lookAtRuntime(): Found {
  const version = runtimeVersion();
  if (version !== undefined) return ok(`ONNX Runtime ${version} is installed`);
  return warn(
    'ONNX Runtime is not installed: nothing can be scored or served here',
    'npm ci in the folder of Edgeloop; an action brings its own.',
  );
}

export function lookAtConfiguration({ config }: Workspace): Found {
  const models = Object.keys(config.models);
  return ok(`${config.file}: ${models.join(', ')}; registry ${config.registry}`);
}

export async function lookAtGit({ sourceControl, config }: Workspace): Promise<Found> {
  if (sourceControl === undefined) {
    return warn(
      `${config.root} is not in a git repository: nothing can be released`,
      'git init && git add -A && git commit -m "first"',
    );
  }
  await sourceControl.head();
  const origin = await sourceControl.origin();
  const shallow = existsSync(join(sourceControl.top, '.git/shallow')) ? ', a shallow clone' : '';
  if (origin !== undefined) return ok(`${sourceControl.top}${shallow}, origin ${withoutSecret(origin)}`);
  return skipped(`${sourceControl.top} has no remote "origin": versions stay in this clone`);
}
