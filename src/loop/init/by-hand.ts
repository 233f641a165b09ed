import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isPlainBranch } from './files.ts';
import type { Target } from './target.ts';

/** What no file of the repository can set, and what in its files is left to their owner: a sentence each. */
export function byHand(target: Target, { example }: { example: boolean }): string[] {
  const { top, registry, channel, branch, ignoresWork } = target;
  return [
    ...(ignoresWork || !existsSync(join(top, '.gitignore')) ? [] : ['.gitignore: add the line .edgeloop/']),
    ...(isPlainBranch(branch)
      ? []
      : [`.github/workflows/release.yml: put your branch ${JSON.stringify(branch)} in the place of main`]),
    ...(registry.startsWith('oci:') ? [folderIsLocal(registry)] : []),
    ...(example ? [] : ['retrain.yml and release.yml: install what your training needs, where they say so']),
    `Settings > Environments: make "${channel}" and name those who have to approve a rollout; without it GitHub makes one that asks nobody`,
    `Labels, if you want to use them: for NAME in train minor major; do gh label create "edgeloop:$NAME"; done`,
    'Permissions of workflows: none, each job asks for what it needs. Only where Settings > Actions > General restricts actions, allow actions/checkout and edgeloop/edgeloop',
    'Secrets: none',
    ...(registry.startsWith('ghcr.io/') ? [packageAccess(registry)] : []),
  ];
}

function folderIsLocal(registry: string): string {
  return `edgeloop.yaml and agent.yaml: "registry: ${registry}" is a folder, which only this machine sees; name a registry such as ghcr.io/OWNER/REPO before the first workflow runs`;
}

function packageAccess(registry: string): string {
  return `After the first release, in the settings of the package ${registry.replace('ghcr.io/', '')}/MODEL: it is private; make it public, or give the devices an account that may read it`;
}
