import { isAbsolute, relative, resolve } from 'node:path';
import { type BaseImage, parseBaseName, readBaseImage } from '../oci/index.ts';
import type { Lock } from '../versioning/index.ts';
import type { Workspace } from './workspace.ts';

/**
 * The name of a base image as it was given on the command line, with a folder relative to edgeloop.yaml: the lock file
 * names it, and is read on other machines and from other folders.
 */
export function baseImageName(workspace: Workspace, text: string): string {
  const { reference } = parseBaseName(text);
  if (reference.kind !== 'layout' || isAbsolute(reference.folder)) return text;
  const folder = relative(workspace.config.root, resolve(workspace.deps.cwd, reference.folder));
  return `oci:${folder === '' ? '.' : folder}${text.slice(`oci:${reference.folder}`.length)}`;
}

/** Opens the base image of that name, or of the name in a lock file. */
export function openBaseImage(workspace: Workspace, text: string): Promise<BaseImage> {
  const { name, reference } = parseBaseName(text);
  const folder = reference.kind === 'layout' && { folder: resolve(workspace.config.root, reference.folder) };
  const repository = workspace.openReference({ ...reference, ...folder });
  return readBaseImage(repository, name, reference.digest ?? reference.tag ?? '');
}

/** A base image as lock files name it: the same one always. */
export function lockedName({ name, digest }: BaseImage): string {
  return `${name}@${digest}`;
}

/** Warns that a release keeps its base when another one is asked for. */
export function warnOfOtherBase(workspace: Workspace, { model, version, base }: Lock, asked: string): void {
  const name = baseImageName(workspace, asked);
  if (base === name || base?.startsWith(`${name}@`) === true) return;
  const is = base === undefined ? 'has no base image' : `is built on ${base}`;
  workspace.deps.log('warn', `${model} ${version} is released already and ${is}: ${name} is not used`);
}
