import { z } from 'zod';
import { misuse } from '../errors.ts';
import { http } from '../http.ts';
import type { AzureCredential } from './identity.ts';

export interface ArmSettings {
  credential: AzureCredential;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

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

const SCOPE = 'https://management.azure.com/.default';
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

/** All resources of a type in a subscription that we may see; `undefined` where we may not ask. */
export async function listResources(
  settings: ArmSettings,
  subscription: string,
  { type, apiVersion }: { type: string; apiVersion: string },
): Promise<ArmResource[] | undefined> {
  const found: ArmResource[] = [];
  let next: string | undefined = `/subscriptions/${subscription}/providers/${type}?api-version=${apiVersion}`;
  for (let page = 0; next !== undefined && page < MOST_PAGES; page++) {
    const { data } = resourcesSchema.safeParse(await readArm(settings, next));
    if (data === undefined) return undefined;
    found.push(...data.value);
    next = data.nextLink ?? undefined;
  }
  return found;
}

/** What our roles allow at a scope, an ARM id; `undefined` where we may not ask. */
export async function listPermissions(
  settings: ArmSettings,
  scope: string,
): Promise<ArmPermission[] | undefined> {
  const path = `${scope}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`;
  return permissionsSchema.safeParse(await readArm(settings, path)).data?.value;
}

/** True when one of the roles allows an action, such as `Microsoft.MachineLearningServices/workspaces/jobs/write`. */
export function allows(permissions: readonly ArmPermission[], action: string): boolean {
  const matches = (pattern: string): boolean => {
    const escaped = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
    return new RegExp(`^${escaped.replaceAll('*', '.*')}$`, 'i').test(action);
  };
  return permissions.some(({ actions, notActions }) => actions.some(matches) && !notActions.some(matches));
}

/** `undefined` for any answer that is none. `place` is a path, or what an answer has named as its next page. */
async function readArm({ credential, environment, signal }: ArmSettings, place: string): Promise<unknown> {
  const endpoint = new URL(environment['EDGELOOP_ARM_ENDPOINT'] || 'https://management.azure.com');
  const url = new URL(place, endpoint);
  if (url.protocol !== 'https:') {
    throw misuse(
      'azure-endpoint-unsafe',
      `EDGELOOP_ARM_ENDPOINT is ${endpoint.origin}, where a token would not be safe`,
      'Write it as https://management.azure.com, or unset it.',
    );
  }
  // A next page elsewhere gets no token.
  if (url.origin !== endpoint.origin) return undefined;
  const { token } = await credential.getToken(SCOPE, { abortSignal: signal });
  const headers = { authorization: `Bearer ${token}` };
  const { status, body } = await http(url.href, { headers, signal, retries: 1, anyStatus: true });
  return status === 200 ? JSON.parse(body.toString()) : undefined;
}
