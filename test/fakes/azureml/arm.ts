import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, armError, type Asked, field, userError } from './answer.ts';
import type { Gate } from './bearer.ts';
import type { DataPlane } from './data-plane.ts';
import type { Description } from './description.ts';

import { hasEnded } from './job.ts';
import type { Jobs } from './jobs.ts';
import { answerNeighbours } from './neighbours.ts';
import { misfitsOfRunHistory, misfitsOfUpload, misfitsOfUploadAsked } from './misfits.ts';
import { answerWorkspace, startPendingUpload, type WorkspaceParts } from './workspace.ts';

/** What the workspace allows and answers; a test may change it at any time. */
export interface May {
  role: 'AzureML Data Scientist' | 'Reader' | 'nothing';
  /** Whether a workspace gives a SAS for uploads. */
  pendingUpload: boolean;
  /** What a cancellation is answered. */
  cancelAnswer: 200 | 202;
  logUrlLivesMs: number;
  /**
   * Whether other clients are let in, with versions of the API that there is no description of here, unchecked:
   * azure-ai-ml has one.
   */
  otherClients: boolean;
}

/** All that an answer may need. */
export interface Inside {
  may: May;
  gate: Gate;
  jobs: Jobs;
  violations: string[];
  id: string;
  parts: WorkspaceParts;
  dataPlane: DataPlane;
  description: Description;
  url: string;
}

const ARM_AUDIENCE = 'https://management.azure.com';
/** Of the token of the user in `x-azureml-token`. */
const USER_AUDIENCE = 'https://ml.azure.com';

/** Answers the region's data plane. */
export function answerData(
  { gate, dataPlane, jobs, may, violations }: Inside,
  asked: Asked,
  authorization?: string,
): Answer {
  const refused = gate.refuse(authorization, ARM_AUDIENCE);
  if (refused !== undefined) return refused;
  if (may.role === 'nothing')
    return { status: 403, body: { error: { code: 'UserError', message: 'The user is not authorized.' } } };
  const answered = dataPlane.answer(asked, jobs.all) ?? userError(404, `${asked.path} is not here`);
  violations.push(
    ...misfitsOfRunHistory(asked.path, answered).map((what) => `${asked.path}: our answer: ${what}`),
  );
  return answered;
}

/** Answers Resource Manager, and checks both the request and the answer with its description. */
export async function answerArm(
  inside: Inside,
  asked: Asked,
  url: string,
  headers: IncomingHttpHeaders,
): Promise<Answer> {
  const { gate, description, violations } = inside;
  const refused = gate.refuse(headers.authorization, ARM_AUDIENCE);
  if (refused !== undefined) return refused;
  const polled = /\/mfeOperationResults\/jc:([^/]+)$/.exec(asked.path)?.[1];
  if (polled !== undefined) {
    const job = inside.jobs.all.get(polled);
    return { status: job === undefined || hasEnded(job) ? 200 : 202 };
  }
  const elsewhere =
    answerNeighbours(asked, inside.parts) ?? notThere(inside, asked) ?? forbidden(inside, asked);
  if (elsewhere !== undefined) return elsewhere;
  asked.parts = asked.path.slice(inside.id.length).split('/').filter(Boolean).map(decodeURIComponent);
  const request = { method: asked.method, url, body: asked.body };
  const told = `${asked.method} ${asked.path}`;
  if (asked.parts.at(-1) === 'startPendingUpload') {
    const misfits = misfitsOfUploadAsked(asked.body);
    violations.push(...misfits.map((what) => `${told}: ${what}`));
    if (misfits.length > 0) return armError(400, 'ValidationError', misfits.join('; '));
    const said =
      answerWorkspace(asked, inside.parts) ?? (await startPendingUpload(asked, inside.parts.blobs));
    violations.push(...misfitsOfUpload(said).map((what) => `${told}: our answer ${what}`));
    return said;
  }
  const unchecked = inside.may.otherClients && asked.query.get('api-version') !== '2022-10-01';
  const wrong = unchecked ? [] : await description.misfitsOfRequest(request);
  if (wrong.length > 0) {
    violations.push(...wrong.map((what) => `${told}: ${what}`));
    return armError(400, 'ValidationError', wrong.join('; '));
  }
  const answered =
    lacksUserToken(inside, asked, headers) ??
    answerWorkspace(asked, inside.parts) ??
    (asked.parts[0] === 'jobs' ? inside.jobs.answer(asked) : inside.parts.assets.answer(asked)) ??
    userError(404, `${asked.path} is not here`);
  if (unchecked) return answered;
  // What is sent is what JSON keeps of it.
  const plain: Answer = JSON.parse(JSON.stringify(answered));
  const ours = await description.misfitsOfAnswer(request, plain);
  violations.push(...ours.map((what) => `${told}: our answer ${answered.status}: ${what}`));
  return answered;
}

/**
 * A pipeline, and a job that runs as the one who submits it, are given on to the service with a token of theirs for it, in
 * a header that azure-ai-ml sends for these.
 */
function lacksUserToken({ gate }: Inside, asked: Asked, headers: IncomingHttpHeaders): Answer | undefined {
  const [kind, name, more] = asked.parts;
  if (asked.method !== 'PUT' || kind !== 'jobs' || name === undefined || more !== undefined) return undefined;
  const properties = field(asked.body, 'properties');
  const asUser = field(field(properties, 'identity'), 'identityType') === 'UserIdentity';
  if (field(properties, 'jobType') !== 'Pipeline' && !asUser) return undefined;
  const given = headers['x-azureml-token'];
  if (gate.refuse(`Bearer ${String(given)}`, USER_AUDIENCE) === undefined) return undefined;
  return userError(400, 'The header x-azureml-token has no token of the user for https://ml.azure.com.');
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
  const kind = path.slice(id.length).split('/')[1];
  const action = `Microsoft.MachineLearningServices/workspaces/${kind === undefined ? '' : `${kind}/`}${writes ? 'write' : 'read'}`;
  return armError(
    403,
    'AuthorizationFailed',
    `The client 'c' with object id 'c' does not have authorization to perform action '${action}' over scope '${id}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  );
}
