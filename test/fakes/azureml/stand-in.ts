import { randomUUID, type KeyObject } from 'node:crypto';
import type { Certificate } from '../../fixtures/certificates.ts';
import { type Target, turns } from '../faults.ts';
import { serveTls } from '../serve-tls.ts';
import type { May } from './arm.ts';
import { type Assets, openAssets } from './assets.ts';
import { type Gate, openGate } from './bearer.ts';
import { openBlobs, type Storage } from './blobs.ts';
import { openDataPlane } from './data-plane.ts';
import { readDescription } from './description.ts';
import { type Jobs, openJobs } from './jobs.ts';
import { type MlFault, type MlRequest, serve } from './serve.ts';
import { type Neighbours, type Place, refuseJob, type WorkspaceParts } from './workspace.ts';

export interface AzureMlSettings {
  /** For 127.0.0.1. */
  tls: Certificate;
  /** Azurite: `test/fixtures/azurite.ts`. */
  storage: Storage;
  place?: Partial<Place>;
  /** Clusters, with the size of their machines. Default: `cpu`. */
  computes?: Record<string, string>;
  /** Name of the workspace's container registry. */
  registry?: string;
  /** Further folders of a training's PATH, as an environment brings them. */
  path?: string[];
  /** How many things a page of a listing has. Small, so that whoever reads only the first is found out. */
  pageSize?: number;
  /** How long each state is shown before and after a job's work. */
  paceMs?: number;
  /** Whose tokens are taken; without it from whomever, and whatever their signature. */
  entra?: { url: string; tenantId: string; key: KeyObject };
}

export interface FakeAzureMl extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`: Resource Manager and the region's data plane. */
  url: string;
  place: Place;
  /** ARM id of the workspace. */
  id: string;
  /** The container behind `workspaceblobstore`. */
  container: string;
  /** What a process needs to find it. */
  environment: Record<string, string>;
  jobs: Jobs;
  assets: Assets;
  gate: Gate;
  requests: MlRequest[];
  /** Requests and answers that are not as Microsoft describes them; the end throws when there are any. */
  violations: string[];
  /** May be changed at any time. */
  may: May;
  /** Registry, storage account and permissions, as Resource Manager tells of them; may be changed. */
  neighbours: Neighbours;
  /** From now on, for the requests meant; their path has its query. */
  fault(fault: MlFault, target?: Omit<Target, 'origin'>): void;
  heal(): void;
  stop(): Promise<void>;
}

const PLACE: Place = {
  subscription: '11111111-2222-4333-8444-555555555555',
  resourceGroup: 'acme-rg',
  workspace: 'acme-ml',
  location: 'westeurope',
};

/** Starts an Azure Machine Learning workspace on a free loopback port; README.md beside it tells what it does. */
export async function startAzureMl(settings: AzureMlSettings): Promise<FakeAzureMl> {
  const { tls, storage, computes = { cpu: 'Standard_DS3_v2' }, registry, entra } = settings;
  const { pageSize = 3, paceMs = 20 } = settings;
  const place = { ...PLACE, ...settings.place };
  const id = `/subscriptions/${place.subscription}/resourceGroups/${place.resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${place.workspace}`;
  const description = await readDescription();
  const assets = openAssets(id, pageSize);
  const blobs = await openBlobs(storage, `azureml-blobstore-${randomUUID()}`, assets);
  const may: May = {
    role: 'AzureML Data Scientist',
    pendingUpload: true,
    cancelAnswer: 202,
    logUrlLivesMs: 3_600_000,
    otherClients: false,
  };
  const neighbours: Neighbours = {
    registryLocation: place.location,
    storageLocation: place.location,
    roleAssignmentMode: 'LegacyRegistryPermissions',
    // Those of the role "AzureML Data Scientist" that matter here.
    actions: [
      'Microsoft.MachineLearningServices/workspaces/*/read',
      'Microsoft.MachineLearningServices/workspaces/*/write',
      'Microsoft.MachineLearningServices/workspaces/*/action',
    ],
    notActions: [
      'Microsoft.MachineLearningServices/workspaces/write',
      'Microsoft.MachineLearningServices/workspaces/delete',
    ],
  };
  const parts: WorkspaceParts = {
    place,
    id,
    blobs,
    assets,
    computes,
    registry,
    neighbours,
    pageSize,
    pendingUpload: () => may.pendingUpload,
  };
  const jobs = openJobs({
    blobs,
    assets,
    path: settings.path ?? [],
    workspaceId: id,
    location: place.location,
    pageSize,
    paceMs,
    refuse: (properties) => refuseJob(properties, parts),
    cancelAnswer: () => may.cancelAnswer,
  });
  const gate = openGate({
    tenantId: entra?.tenantId,
    key: entra?.key,
    authority: entra?.url ?? 'https://login.windows.net',
  });
  const dataPlane = openDataPlane(id, pageSize, () => may.logUrlLivesMs);
  const violations: string[] = [];
  const requests: MlRequest[] = [];
  let rules: { fault: MlFault; meets: ReturnType<typeof turns> }[] = [];

  // All rules count each request that they match, whatever another one does to it.
  const faultOf = (method: string, path: string) => {
    const faults: MlFault[] = [];
    for (const { fault, meets } of rules) if (meets({ origin: 'registry', method, path })) faults.push(fault);
    return faults[0];
  };
  const server = await serveTls(tls, (request, response) => {
    const { url } = server;
    const inside = { may, gate, jobs, violations, id, parts, dataPlane, description, url };
    return serve(inside, requests, faultOf, request, response);
  });
  const { url } = server;
  const stop = async () => {
    await jobs.stop();
    await server.stop();
    if (violations.length > 0) throw new Error(`not as Microsoft describes it:\n${violations.join('\n')}`);
  };
  return {
    url,
    place,
    id,
    container: blobs.container,
    environment: { EDGELOOP_ARM_ENDPOINT: url },
    jobs,
    assets,
    gate,
    requests,
    violations,
    may,
    neighbours,
    fault: (fault, target = {}) => void rules.push({ fault, meets: turns(target) }),
    heal: () => void (rules = []),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
