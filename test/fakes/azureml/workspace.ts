import { randomUUID } from 'node:crypto';
import { type Answer, armError, type Asked, field, object, page, text, userError } from './answer.ts';
import type { Assets } from './assets.ts';
import { type Blobs, DATASTORES } from './blobs.ts';
import type { RoleMode } from './neighbours.ts';

export interface Place {
  subscription: string;
  resourceGroup: string;
  workspace: string;
  location: string;
}

/** What a workspace consists of besides its jobs and assets. */
export interface WorkspaceParts {
  place: Place;
  id: string;
  blobs: Blobs;
  assets: Assets;
  /** Names of its clusters, with the size of their machines. */
  computes: Record<string, string>;
  /** Name of its registry. */
  registry: string | undefined;
  pageSize: number;
  /** What Resource Manager tells of what lies beside it. */
  neighbours: Neighbours;
  /** Whether it gives a SAS for an upload. */
  pendingUpload(): boolean;
}

/** A test may change it at any time. */
export interface Neighbours {
  registryLocation: string;
  storageLocation: string;
  roleAssignmentMode: RoleMode;
  /** What the caller may do with the workspace. */
  actions: string[];
  notActions: string[];
}

const TYPE = 'Microsoft.MachineLearningServices/workspaces';

/** The workspace itself, its datastores, its computes, and the place for an upload. */
export function answerWorkspace(asked: Asked, parts: WorkspaceParts): Answer | undefined {
  const [kind, name, action, version, last] = asked.parts;
  if (kind === undefined) return { status: 200, body: shownWorkspace(asked.url, parts) };
  if (kind === 'datastores') return datastores(asked, parts, name, action);
  if (kind === 'computes') return computes(asked, parts, name);
  if (last === 'startPendingUpload' && action === 'versions' && version !== undefined)
    return parts.pendingUpload() ? undefined : userError(404, 'The workspace takes no pending uploads.');
  return undefined;
}

function shownWorkspace(url: string, { place, id, blobs, registry }: WorkspaceParts): object {
  const resource = (provider: string, name: string) =>
    `/subscriptions/${place.subscription}/resourceGroups/${place.resourceGroup}/providers/${provider}/${name}`;
  return {
    id,
    name: place.workspace,
    type: TYPE,
    location: place.location,
    identity: {
      type: 'SystemAssigned',
      principalId: '00000000-0000-4000-8000-000000000001',
      tenantId: '00000000-0000-4000-8000-000000000002',
    },
    properties: {
      friendlyName: place.workspace,
      workspaceId: '00000000-0000-4000-8000-000000000003',
      provisioningState: 'Succeeded',
      storageAccount: resource('Microsoft.Storage/storageAccounts', blobs.account),
      keyVault: resource('Microsoft.KeyVault/vaults', 'acmevault'),
      containerRegistry:
        registry === undefined ? null : resource('Microsoft.ContainerRegistry/registries', registry),
      discoveryUrl: `${url}/discovery`,
      mlFlowTrackingUri: `azureml://${new URL(url).host}/mlflow/v1.0${id}`,
    },
  };
}

function shownDatastore(name: string, { id, blobs }: WorkspaceParts): object {
  return {
    id: `${id}/datastores/${name}`,
    name,
    type: `${TYPE}/datastores`,
    properties: {
      tags: {},
      properties: {},
      isDefault: name === DATASTORES[0],
      // Real ones may have AccountKey, whose secrets the description demands and the official example leaves out.
      credentials: { credentialsType: 'None' },
      datastoreType: 'AzureBlob',
      accountName: blobs.account,
      containerName: blobs.container,
      endpoint: 'core.windows.net',
      protocol: 'https',
    },
  };
}

function datastores(asked: Asked, parts: WorkspaceParts, name?: string, action?: string): Answer {
  if (name === undefined) return page(DATASTORES, asked, parts.pageSize, (one) => shownDatastore(one, parts));
  if (!DATASTORES.includes(name)) return userError(404, `Could not find datastore: ${name}`);
  if (action === 'listSecrets')
    return armError(403, 'AuthorizationFailed', 'Nobody here is given the keys of a storage account.');
  return { status: 200, body: shownDatastore(name, parts) };
}

function shownCompute(name: string, { id, computes: all, place }: WorkspaceParts): object {
  return {
    id: `${id}/computes/${name}`,
    name,
    type: `${TYPE}/computes`,
    location: place.location,
    properties: {
      computeType: 'AmlCompute',
      computeLocation: place.location,
      provisioningState: 'Succeeded',
      properties: {
        vmSize: all[name] ?? '',
        vmPriority: 'Dedicated',
        scaleSettings: { minNodeCount: 0, maxNodeCount: 2, nodeIdleTimeBeforeScaleDown: 'PT2M' },
        allocationState: 'Steady',
        currentNodeCount: 0,
      },
    },
  };
}

function computes(asked: Asked, parts: WorkspaceParts, name?: string): Answer {
  const { computes: all, pageSize } = parts;
  if (name === undefined) return page(Object.keys(all), asked, pageSize, (one) => shownCompute(one, parts));
  if (all[name] === undefined)
    return armError(404, 'ComputeNotFound', `Compute with name ${name} not found in provided workspace`);
  return { status: 200, body: shownCompute(name, parts) };
}

/** Where an asset may be uploaded, 2023-04-01 and later (`PendingUploadResponseDto`). */
export async function startPendingUpload(asked: Asked, blobs: Blobs): Promise<Answer> {
  const type = text(field(asked.body, 'pendingUploadType')) ?? 'TemporaryBlobReference';
  const { blobUri, sasUri } = await blobs.pendingUpload(randomUUID());
  return {
    status: 200,
    body: {
      blobReferenceForConsumption: {
        blobUri,
        storageAccountArmId: `/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/${blobs.account}`,
        credential: { credentialType: 'SAS', sasUri },
      },
      pendingUploadId: text(field(asked.body, 'pendingUploadId')) ?? randomUUID(),
      pendingUploadType: type,
    },
  };
}

/** What speaks against a job: a compute, code or environment that there is not. */
export function refuseJob(properties: Record<string, unknown>, parts: WorkspaceParts): Answer | undefined {
  const compute = text(properties['computeId']);
  const name = compute?.split('/').at(-1) ?? '';
  if (compute !== undefined && (!/\/computes\//.test(compute) || parts.computes[name] === undefined))
    return userError(400, `Unknown compute target '${compute}'.`);
  const work = properties['jobType'] === 'Sweep' ? object(properties['trial']) : properties;
  const code = text(work['codeId']);
  if (code !== undefined && versionOf(code, 'codes', parts) === undefined)
    return userError(400, `The code asset ${code} does not exist.`);
  const environment = text(work['environmentId']);
  if (environment === undefined) return undefined;
  const curated = /^azureml:(\/\/registries\/azureml\/environments\/|AzureML-|azureml:)/.test(environment);
  if (!curated && versionOf(environment, 'environments', parts) === undefined)
    return userError(400, `The environment ${environment} does not exist.`);
  return undefined;
}

function versionOf(id: string, kind: string, { assets }: WorkspaceParts): unknown {
  const plain = id.replace(/^azureml:(?=\/(?!\/))/, '');
  const [, byArm, armVersion] = new RegExp(`/${kind}/([^/]+)/versions/([^/]+)$`).exec(plain) ?? [];
  if (byArm !== undefined && armVersion !== undefined) return assets.version(kind, byArm, armVersion);
  const [, short, version] = /^azureml:([^/:@]+):([^/]+)$/.exec(plain) ?? [];
  if (short !== undefined && version !== undefined) return assets.version(kind, short, version);
  const [, latest] = /(?:^azureml:|\/)([^/:@]+)(?:@latest|\/labels\/latest)$/.exec(plain) ?? [];
  return latest === undefined ? undefined : assets.latest(kind, latest);
}
