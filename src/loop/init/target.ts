import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { nameSchema, parseConfig } from '../../config/index.ts';
import { misuse } from '../../errors.ts';
import { mainBranch, openWorkingTree } from '../../git/index.ts';
import { remoteAddress } from '../on-github.ts';

/** The repository that is to get Edgeloop's files, and what they say of it. */
export interface Target {
  /** Its top folder, absolute. */
  top: string;
  /** As in `edgeloop.yaml`, if there is one already; else by `origin`. */
  registry: string;
  /** The models of an `edgeloop.yaml` that is there already; `undefined` without one. */
  models: string[] | undefined;
  /** The first channel. */
  channel: string;
  /** The branch that is released from. */
  branch: string;
  /** A name for the model, after the folder. */
  name: string;
  /** Whether git ignores `.edgeloop/` already. */
  ignoresWork: boolean;
}

/**
 * The repository whose top folder is `cwd`. Throws the misuses `git-required` outside one, `not-at-the-top` in a folder
 * of one, and those of a wrong `edgeloop.yaml` that is there already.
 */
export async function findTarget(cwd: string): Promise<Target> {
  const tree = await openWorkingTree(cwd);
  if (tree === undefined) {
    throw misuse(
      'git-required',
      `${cwd} is not in a git repository, and init prepares one`,
      'Make it one, or go to yours: git init --initial-branch=main && npx edgeloop init',
    );
  }
  const { top } = tree;
  if (realpathSync(top) !== realpathSync(cwd)) {
    throw misuse(
      'not-at-the-top',
      `${cwd} is not the top of its repository, and GitHub finds workflows only there`,
      `Run it there: cd '${top.replaceAll(`'`, String.raw`'\''`)}' && npx edgeloop init`,
    );
  }
  const name = basename(top).toLowerCase();
  const ignored = await tree.ignores([join(top, '.edgeloop/registry')]);
  return {
    top,
    ...(projectOf(top) ?? {
      registry: registryFor(await tree.origin()),
      models: undefined,
      channel: 'production',
    }),
    branch: await mainBranch(top),
    name: nameSchema.safeParse(name).success ? name : 'model',
    ignoresWork: ignored.length > 0,
  };
}

/** `ghcr.io/OWNER/REPO` for a repository on github.com whose name a registry takes; else a folder. */
function registryFor(origin: string | undefined): string {
  const { host, path } = remoteAddress(origin ?? '');
  const isOnGitHub = host === 'github.com' || host === 'ssh.github.com';
  // The grammar of an OCI repository's name (OCI distribution specification 1.1, "Pulling manifests").
  const isName = /^[a-z0-9]+(-[a-z0-9]+)*\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/.test(path);
  return isOnGitHub && isName ? `ghcr.io/${path}` : 'oci:.edgeloop/registry';
}

function projectOf(top: string): Pick<Target, 'registry' | 'models' | 'channel'> | undefined {
  const file = join(top, 'edgeloop.yaml');
  if (!existsSync(file)) return undefined;
  const { registry, models, channels } = parseConfig(readFileSync(file, 'utf8'), file, top);
  const folder = relative(top, registry.replace(/^oci:/, '')).split(sep).join('/') || '.';
  return {
    registry: registry.startsWith('oci:') ? `oci:${folder}` : registry,
    models: Object.keys(models),
    channel: channels[0] ?? 'production',
  };
}
