import { z } from 'zod';
import { EdgeloopError } from '../errors.ts';
import type { ArmCall, MlWorkspace } from './ml/workspace.ts';

/** A resource of any provider, as its listing shows it. */
export interface ArmResource {
  name: string;
  location: string;
  properties: Record<string, unknown>;
}

/** What a role allows at a scope (Microsoft.Authorization, "Permissions"). */
export interface ArmPermission {
  actions: string[];
  notActions: string[];
}

const MOST_PAGES = 20;
const resourcesSchema = z.object({
  value: z.array(
    z.object({
      name: z.string(),
      location: z.string(),
      properties: z.record(z.string(), z.unknown()).default({}),
    }),
  ),
  nextLink: z.string().nullish(),
});
const permissionsSchema = z.object({
  value: z.array(
    z.object({ actions: z.array(z.string()).default([]), notActions: z.array(z.string()).default([]) }),
  ),
});

/** All resources of a type in the workspace's subscription that we may see; `undefined` where we may not ask. */
export async function listResources(
  ml: MlWorkspace,
  { type, apiVersion }: { type: string; apiVersion: string },
): Promise<ArmResource[] | undefined> {
  const found: ArmResource[] = [];
  let next: string | undefined = `/subscriptions/${ml.settings.subscription}/providers/${type}`;
  for (let page = 0; next !== undefined && page < MOST_PAGES; page++) {
    const { data } = resourcesSchema.safeParse(await read(ml, { path: next, apiVersion }));
    if (data === undefined) return undefined;
    found.push(...data.value);
    next = data.nextLink ?? undefined;
  }
  return found;
}

/** What our roles allow in the workspace; `undefined` where we may not ask. */
export async function listPermissions(ml: MlWorkspace): Promise<ArmPermission[] | undefined> {
  const path = '/providers/Microsoft.Authorization/permissions';
  return permissionsSchema.safeParse(await read(ml, { path, apiVersion: '2022-04-01' })).data?.value;
}

/** True when one of the roles allows an action, such as `Microsoft.MachineLearningServices/workspaces/jobs/write`. */
export function allows(permissions: readonly ArmPermission[], action: string): boolean {
  const matches = (pattern: string): boolean => {
    const escaped = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
    return new RegExp(`^${escaped.replaceAll('*', '.*')}$`, 'i').test(action);
  };
  return permissions.some(({ actions, notActions }) => actions.some(matches) && !notActions.some(matches));
}

/** `undefined` for an answer that is none; an error is thrown only where Azure cannot be asked at all. */
async function read(ml: MlWorkspace, call: Omit<ArmCall, 'method'>): Promise<unknown> {
  try {
    return await ml.finding(`reading ${call.path}`, () => ml.send({ method: 'GET', ...call }));
  } catch (error) {
    if (error instanceof EdgeloopError && error.code.startsWith('azure-')) return undefined;
    throw error;
  }
}
