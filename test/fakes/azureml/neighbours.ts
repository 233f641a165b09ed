import { type Answer, type Asked, armError } from './answer.ts';
import type { WorkspaceParts } from './workspace.ts';

/** How a registry takes roles. */
export type RoleMode = 'LegacyRegistryPermissions' | 'AbacRepositoryPermissions';

/**
 * What Resource Manager tells of a workspace's registry and storage account, and of what the caller may do there: other
 * providers, with other descriptions, which nothing is checked with here. `undefined` for all else.
 */
export function answerNeighbours({ method, path }: Asked, parts: WorkspaceParts): Answer | undefined {
  const { place, id, blobs, registry, neighbours } = parts;
  const within = `/subscriptions/${place.subscription}/providers/`;
  const group = `/subscriptions/${place.subscription}/resourceGroups/${place.resourceGroup}/providers/`;
  if (path === `${id}/providers/Microsoft.Authorization/permissions`) {
    const value = [
      { actions: neighbours.actions, notActions: neighbours.notActions, dataActions: [], notDataActions: [] },
    ];
    return { status: 200, body: { value } };
  }
  if (method !== 'GET' || !path.startsWith(within) || path.includes('/Microsoft.MachineLearningServices/'))
    return undefined;
  const type = path.slice(within.length);
  const one = (name: string, location: string, properties: object) => {
    return { id: `${group}${type}/${name}`, name, type, location, properties };
  };
  if (type === 'Microsoft.ContainerRegistry/registries') {
    const { registryLocation: location, roleAssignmentMode } = neighbours;
    const properties = { loginServer: `${registry}.azurecr.io`, roleAssignmentMode };
    return {
      status: 200,
      body: { value: registry === undefined ? [] : [one(registry, location, properties)] },
    };
  }
  if (type === 'Microsoft.Storage/storageAccounts') {
    const value = [one(blobs.account, neighbours.storageLocation, {})];
    return { status: 200, body: { value } };
  }
  return armError(404, 'InvalidResourceType', `The resource type '${type}' could not be found.`);
}
