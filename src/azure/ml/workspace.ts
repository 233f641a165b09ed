import { AzureMachineLearningWorkspaces } from '@azure/arm-machinelearning';
import { createHttpHeaders, createPipelineRequest, isRestError, RestError } from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { failure } from '../../errors.ts';
import { armEndpoint } from '../arm-endpoint.ts';
import { SCOPE } from '../audiences.ts';
import type { AzureCredential } from '../identity.ts';
import { limitAnswers } from '../limit-answers.ts';
import type { Mask } from '../mask.ts';
import { mlFailure, parseAnswer } from './failures.ts';
import { mendSerializer } from './serializer.ts';
import type { MlSettings } from './settings.ts';

export interface MlWorkspaceOptions {
  settings: MlSettings;
  credential: AzureCredential;
  environment: NodeJS.ProcessEnv;
  /** Takes each secret the moment that it is had, so that no log shows it. */
  mask: Mask;
  signal?: AbortSignal;
  /** How long an answer may take before it is asked for again. Default a minute. */
  answerMs?: number;
}

/** A call that the SDK does not have. */
export interface ArmCall {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /**
   * Below the workspace: `/codes/NAME/versions/1/startPendingUpload`; from `/subscriptions/` on for what lies elsewhere;
   * or the address of a next page.
   */
  path: string;
  apiVersion: string;
  body?: unknown;
}

/** An Azure Machine Learning workspace, as all of `azure/ml` sees it. */
export interface MlWorkspace {
  settings: MlSettings;
  credential: AzureCredential;
  environment: NodeJS.ProcessEnv;
  mask: Mask;
  signal: AbortSignal | undefined;
  /** Microsoft's client; its operations take `...at` first. */
  client: AzureMachineLearningWorkspaces;
  /** Resource group and name. */
  at: [resourceGroup: string, workspace: string];
  /** ARM id: `/subscriptions/…/workspaces/NAME`. */
  id: string;
  /**
   * Does something that asks ARM, `what` for messages. Every request of it ends with `signal`. Throws a failure that names
   * the mend.
   */
  asking<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** The same, but `undefined` where there is no such thing in the workspace. */
  finding<T>(what: string, work: () => Promise<T>): Promise<T | undefined>;
  /** Sends a call through the client's authenticated pipeline; to be called within `asking` or `finding`. */
  send(call: ArmCall): Promise<unknown>;
  /** `https://REGION.api.azureml.ms`: where run history and MLflow answer; asked for once. */
  dataPlane(): Promise<string>;
}

const ANSWER_MS = 60_000;
/** Its default waits, up to 64 s, are longer than a person waits. `Retry-After` is obeyed all the same. */
const RETRIES = { maxRetries: 5, retryDelayInMs: 500, maxRetryDelayInMs: 30_000 };

/** Opens a workspace; asks nothing yet. Throws `azure-endpoint-unsafe`. */
export function openMlWorkspace(options: MlWorkspaceOptions): MlWorkspace {
  const { settings, credential, environment, mask, signal, answerMs = ANSWER_MS } = options;
  const { subscription, resourceGroup, workspace } = settings;
  const endpoint = armEndpoint(environment).href.replace(/\/$/, '');
  const client = new AzureMachineLearningWorkspaces(credential, subscription, {
    endpoint,
    credentialScopes: SCOPE.resourceManager,
    retryOptions: RETRIES,
  });
  mendSerializer(client);
  client.pipeline.addPolicy(limitAnswers(answerMs), { afterPhase: 'Retry' });
  if (signal !== undefined) endWith(client, signal);
  const id = `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspace}`;
  const asking = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw mlFailure(error, { what, settings, identity: credential.source });
    }
  };
  let found: Promise<string> | undefined;
  return {
    settings,
    credential,
    environment,
    mask,
    signal,
    client,
    at: [resourceGroup, workspace],
    id,
    asking,
    finding: (what, work) =>
      asking(what, async () => {
        try {
          return await work();
        } catch (error) {
          if (isAbsent(error)) return undefined;
          throw error;
        }
      }),
    async send(call) {
      const { method, path, body } = call;
      const request = createPipelineRequest({
        url: urlOf(endpoint, id, call),
        method,
        headers: createHttpHeaders(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const response = await client.sendRequest(request);
      const { status: statusCode, bodyAsText: text } = response;
      if (statusCode < 400) return text ? parseAnswer(text, request.url) : undefined;
      // What stands between may answer with a page.
      const details = text?.startsWith('{') ? parseAnswer(text, request.url) : undefined;
      throw Object.assign(new RestError(`${method} ${path}`, { statusCode, request, response }), { details });
    },
    dataPlane: () =>
      (found ??= asking(`reading the workspace "${workspace}"`, async () => {
        const { mlFlowTrackingUri } = await client.workspaces.get(resourceGroup, workspace);
        return hostOf(mlFlowTrackingUri);
      }).catch((error: unknown) => {
        // Who waits for hours asks again.
        found = undefined;
        throw error;
      })),
  };
}

/** Throws `azure-answer-unexpected` for an address elsewhere, which must not get our token. */
function urlOf(endpoint: string, id: string, { path, apiVersion }: ArmCall): string {
  const isWhole = path.startsWith('/subscriptions/') || URL.canParse(path);
  const url = new URL(isWhole ? path : `${id}${path}`, endpoint);
  if (url.origin === new URL(endpoint).origin) {
    url.searchParams.set('api-version', apiVersion);
    return url.href;
  }
  throw failure(
    'azure-answer-unexpected',
    `Resource Manager, ${endpoint}, names a next page at ${url.origin}`,
    'Check whether a proxy answers in its place.',
  );
}

/** `azureml://HOST/mlflow/v1.0/subscriptions/…`, which is where run history answers as well. */
function hostOf(trackingUri: unknown): string {
  const { data } = z
    .string()
    .regex(/^azureml:\/\/[^/]+\//)
    .safeParse(trackingUri);
  if (data !== undefined) return `https://${new URL(data).host}`;
  throw failure(
    'azure-answer-unexpected',
    `the workspace names "${String(trackingUri)}" as where its runs are tracked`,
    'Check that the workspace has been created to the end: az ml workspace show.',
  );
}

/**
 * True where the workspace has no such job, asset or version; false where there is no such workspace, which has a code of
 * its own.
 */
function isAbsent(error: unknown): boolean {
  if (!isRestError(error) || error.statusCode !== 404) return false;
  const text = error.response?.bodyAsText ?? '';
  return !/"(SubscriptionNotFound|ResourceGroupNotFound|ResourceNotFound|ParentResourceNotFound)"/.test(text);
}

function endWith({ pipeline }: AzureMachineLearningWorkspaces, signal: AbortSignal): void {
  pipeline.addPolicy(
    {
      name: 'endWithUser',
      sendRequest(request, next) {
        request.abortSignal ??= signal;
        return next(request);
      },
    },
    { phase: 'Serialize' },
  );
}
