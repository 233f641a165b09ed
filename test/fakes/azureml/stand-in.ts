import { randomUUID, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Certificate } from '../../fixtures/certificates.ts';
import { type Target, turns } from '../faults.ts';
import { type Answer, armError, type Asked, field, userError } from './answer.ts';
import { type Assets, openAssets } from './assets.ts';
import { type Gate, openGate } from './bearer.ts';
import { openBlobs, type Storage } from './blobs.ts';
import { type DataPlane, openDataPlane } from './data-plane.ts';
import { type Description, readDescription } from './description.ts';
import { hasEnded } from './job.ts';
import { type Jobs, openJobs } from './jobs.ts';
import {
  answerWorkspace,
  type Place,
  refuseJob,
  startPendingUpload,
  type WorkspaceParts,
} from './workspace.ts';

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

/** What is done to a request: an answer instead, or a reset before or after it was carried out. */
export type MlFault =
  | { fault: 'answer'; status: number; headers?: Record<string, string>; body?: unknown }
  | { fault: 'reset'; when: 'before' | 'after' };

export interface MlRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  body: unknown;
  /** `undefined` while there is none, and when the connection was reset. */
  status: number | undefined;
  fault: MlFault['fault'] | undefined;
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
  may: {
    role: 'AzureML Data Scientist' | 'Reader' | 'nothing';
    /** Whether a workspace gives a SAS for uploads. */
    pendingUpload: boolean;
    /** What a cancellation is answered. */
    cancelAnswer: 200 | 202;
    logUrlLivesMs: number;
  };
  /** From now on, for the requests meant; their path has its query. */
  fault(fault: MlFault, target?: Omit<Target, 'origin'>): void;
  heal(): void;
  stop(): Promise<void>;
}

const ARM_AUDIENCE = 'https://management.azure.com';
const DATA_AUDIENCE = 'https://ml.azure.com';
const PLACE: Place = {
  subscription: '11111111-2222-4333-8444-555555555555',
  resourceGroup: 'acme-rg',
  workspace: 'acme-ml',
  location: 'westeurope',
};

interface Inside extends Pick<FakeAzureMl, 'may' | 'gate' | 'jobs' | 'violations' | 'id'> {
  parts: WorkspaceParts;
  dataPlane: DataPlane;
  description: Description;
  url: string;
}

/** Starts an Azure Machine Learning workspace on a free loopback port; README.md beside it tells what it does. */
export async function startAzureMl(settings: AzureMlSettings): Promise<FakeAzureMl> {
  const { tls, storage, computes = { cpu: 'Standard_DS3_v2' }, registry, path = [], entra } = settings;
  const { pageSize = 3, paceMs = 20 } = settings;
  const place = { ...PLACE, ...settings.place };
  const id = `/subscriptions/${place.subscription}/resourceGroups/${place.resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${place.workspace}`;
  const description = await readDescription();
  const assets = openAssets(id, pageSize);
  const blobs = await openBlobs(storage, `azureml-blobstore-${randomUUID()}`, assets);
  const may: FakeAzureMl['may'] = {
    role: 'AzureML Data Scientist',
    pendingUpload: true,
    cancelAnswer: 202,
    logUrlLivesMs: 3_600_000,
  };
  const parts: WorkspaceParts = {
    place,
    id,
    blobs,
    assets,
    computes,
    registry,
    pageSize,
    pendingUpload: () => may.pendingUpload,
  };
  const jobs = openJobs({
    blobs,
    assets,
    path,
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
  const dataPlane = openDataPlane(id, () => may.logUrlLivesMs);
  const violations: string[] = [];
  const requests: MlRequest[] = [];
  let rules: { fault: MlFault; meets: ReturnType<typeof turns> }[] = [];

  const server = createServer(
    { key: readFileSync(tls.key), cert: readFileSync(tls.certificate) },
    (request, response) => {
      const inside = { may, gate, jobs, violations, id, parts, dataPlane, description, url };
      const faultOf = (method: string, asked: string) =>
        rules.filter(({ meets }) => meets({ origin: 'registry', method, path: asked }))[0]?.fault;
      answer(inside, requests, faultOf, request, response).catch((error: unknown) => {
        violations.push(`the stand-in failed: ${String(error)}`);
        response.destroy();
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const stop = async () => {
    await jobs.stop();
    const closed = once(server, 'close');
    server.close().closeAllConnections();
    await closed;
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
    fault: (fault, target = {}) => void rules.push({ fault, meets: turns(target) }),
    heal: () => void (rules = []),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function answer(
  inside: Inside,
  requests: MlRequest[],
  faultOf: (method: string, path: string) => MlFault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', headers } = request;
  const url = new URL(request.url ?? '', inside.url);
  const raw = Buffer.concat(await Array.fromAsync(request)).toString();
  const fault = faultOf(method, request.url ?? '');
  const seen: MlRequest = {
    method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers,
    body: parsed(raw),
    status: undefined,
    fault: fault?.fault,
  };
  requests.push(seen);
  if (fault?.fault === 'reset' && fault.when === 'before') return void request.socket.destroy();
  const asked: Asked = {
    method,
    parts: [],
    query: url.searchParams,
    body: seen.body,
    url: inside.url,
    path: url.pathname,
  };
  if (fault?.fault === 'answer') return send(response, seen, faulty(fault));
  const log = inside.dataPlane.log(url, headers.range, inside.jobs.all);
  if (log !== undefined) {
    seen.status = log.status;
    response.writeHead(log.status, { ...log.headers, 'content-length': log.bytes.length });
    return void response.end(log.bytes);
  }
  const answered = url.pathname.startsWith('/subscriptions/')
    ? await answerArm(inside, asked, `${url.pathname}${url.search}`, headers.authorization)
    : answerData(inside, asked, headers.authorization);
  if (fault?.fault === 'reset') return void request.socket.destroy();
  send(response, seen, answered);
}

function send(response: ServerResponse, seen: MlRequest, { status, headers, body }: Answer): void {
  seen.status = status;
  const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, { ...type, 'x-ms-request-id': randomUUID(), ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

const SAID: Record<number, [code: string, message: string]> = {
  401: ['ExpiredAuthenticationToken', 'The access token expiry UTC time is earlier than current UTC time.'],
  429: ['TooManyRequests', 'The request is being throttled.'],
};

function faulty({ status, headers, body }: MlFault & { fault: 'answer' }): Answer {
  const [code, message] = SAID[status] ?? ['InternalServerError', 'InternalServerError'];
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {};
  const plain = armError(status, code, message);
  return { ...plain, ...(body !== undefined && { body }), headers: { ...challenge, ...headers } };
}

function parsed(raw: string): unknown {
  if (raw === '') return undefined;
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}

function answerData({ gate, dataPlane, jobs, may }: Inside, asked: Asked, authorization?: string): Answer {
  const refused = gate.refuse(authorization, DATA_AUDIENCE);
  if (refused !== undefined) return refused;
  if (may.role === 'nothing')
    return { status: 403, body: { error: { code: 'UserError', message: 'The user is not authorized.' } } };
  return dataPlane.answer(asked, jobs.all) ?? userError(404, `${asked.path} is not here`);
}

async function answerArm(
  inside: Inside,
  asked: Asked,
  url: string,
  authorization: string | undefined,
): Promise<Answer> {
  const { gate, description, violations } = inside;
  const refused = gate.refuse(authorization, ARM_AUDIENCE);
  if (refused !== undefined) return refused;
  const polled = /\/mfeOperationResults\/jc:([^/]+)$/.exec(asked.path)?.[1];
  if (polled !== undefined) {
    const job = inside.jobs.all.get(polled);
    return { status: job === undefined || hasEnded(job) ? 200 : 202 };
  }
  const elsewhere = notThere(inside, asked) ?? forbidden(inside, asked);
  if (elsewhere !== undefined) return elsewhere;
  asked.parts = asked.path.slice(inside.id.length).split('/').filter(Boolean).map(decodeURIComponent);
  const request = { method: asked.method, url, body: asked.body };
  const told = `${asked.method} ${asked.path}`;
  if (asked.parts.at(-1) === 'startPendingUpload') {
    const said =
      answerWorkspace(asked, inside.parts) ?? (await startPendingUpload(asked, inside.parts.blobs));
    if (said.status === 400) violations.push(`${told}: ${JSON.stringify(said.body)}`);
    return said;
  }
  const wrong = await description.misfitsOfRequest(request);
  if (wrong.length > 0) {
    violations.push(...wrong.map((what) => `${told}: ${what}`));
    return armError(400, 'ValidationError', wrong.join('; '));
  }
  const answered =
    answerWorkspace(asked, inside.parts) ??
    (asked.parts[0] === 'jobs' ? inside.jobs.answer(asked) : inside.parts.assets.answer(asked)) ??
    userError(404, `${asked.path} is not here`);
  // What is sent is what JSON keeps of it.
  const plain: Answer = JSON.parse(JSON.stringify(answered));
  const ours = await description.misfitsOfAnswer(request, plain);
  violations.push(...ours.map((what) => `${told}: our answer ${answered.status}: ${what}`));
  return answered;
}

/** What Resource Manager says of a subscription, group or workspace that there is not. */
function notThere({ parts, id }: Inside, { path }: Asked): Answer | undefined {
  const { place } = parts;
  const [, subscription = '', group = ''] =
    /^\/subscriptions\/([^/]+)(?:\/resourceGroups\/([^/]+))?/i.exec(path) ?? [];
  if (subscription !== place.subscription)
    return armError(404, 'SubscriptionNotFound', `The subscription '${subscription}' could not be found.`);
  if (group.toLowerCase() !== place.resourceGroup.toLowerCase())
    return armError(404, 'ResourceGroupNotFound', `Resource group '${group}' could not be found.`);
  if (path !== id && !path.startsWith(`${id}/`)) {
    const [, name = ''] = /\/workspaces\/([^/]+)/.exec(path) ?? [];
    return armError(
      404,
      'ResourceNotFound',
      `The Resource 'Microsoft.MachineLearningServices/workspaces/${name}' under resource group '${place.resourceGroup}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
    );
  }
  return undefined;
}

function forbidden({ may, id }: Inside, { method, path }: Asked): Answer | undefined {
  const writes = method !== 'GET';
  if (may.role === 'AzureML Data Scientist' || (may.role === 'Reader' && !writes)) return undefined;
  const [kind] = path.slice(id.length).split('/').filter(Boolean);
  const action = `Microsoft.MachineLearningServices/workspaces/${kind === undefined ? '' : `${kind}/`}${writes ? 'write' : 'read'}`;
  return armError(
    403,
    'AuthorizationFailed',
    `The client 'c' with object id 'c' does not have authorization to perform action '${action}' over scope '${id}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  );
}

/** Whether a body names this property, for tests that look at `requests`. */
export const propertyOf = (request: MlRequest, name: string): unknown =>
  field(field(request.body, 'properties'), name);
