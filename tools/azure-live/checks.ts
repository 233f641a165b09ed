import type { Check } from './check.ts';
import { identityChecks } from './identity-checks.ts';
import { jobChecks } from './job-checks.ts';
import { loopChecks } from './loop-checks.ts';
import { modelChecks } from './model-checks.ts';
import { registryChecks } from './registry-checks.ts';
import type { Scene } from './scene.ts';
import { workspaceChecks } from './workspace-checks.ts';

/** All of them in the order in which they are looked at; those of the loop last, and only when they are asked for. */
export function allChecks(scene: Scene, { loop }: { loop: boolean }): Check[] {
  return [
    ...identityChecks(scene),
    ...workspaceChecks(scene),
    ...jobChecks(scene),
    ...modelChecks(scene),
    ...registryChecks(scene),
    ...(loop ? loopChecks(scene) : []),
  ];
}
