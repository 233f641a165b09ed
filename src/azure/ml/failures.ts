import { isRestError } from '@azure/core-rest-pipeline';
import { type EdgeloopError, failure } from '../../errors.ts';
import { httpFailed, lastingFailure } from '../../http-failure.ts';
import type { MlSettings } from './settings.ts';

interface Asked {
  /** What was being done: `submitting the job edgeloop-churn-0123456789ab`. */
  what: string;
  settings: MlSettings;
  /** What gave the token. */
  identity: string | undefined;
}

/**
 * What an answer of Azure Resource Manager means, as a failure that names the mend; what is not one of its answers
 * unchanged. Nothing of the request is kept, which had a token. Codes: Microsoft, "Troubleshoot common Azure deployment
 * errors".
 */
export function mlFailure(error: unknown, asked: Asked): unknown {
  if (!isRestError(error)) return error;
  const { what, settings } = asked;
  const { statusCode: status } = error;
  const { code, message } = saidBy(error);
  const answer = `${status ?? ''} ${code}`.trim();
  if (status === undefined) return notReached(error);
  const told = `${what}: ${answer}${message === '' ? '' : `, "${message}"`}`;
  if (status === 401 || status === 403) return forbidden(asked, told, code);
  if (code === 'SubscriptionNotFound' || code === 'InvalidSubscriptionId') {
    return failure(
      'azure-subscription-unknown',
      told,
      `Correct "azure.subscription", which is ${settings.subscription}: az account list --output table. An identity sees only subscriptions in which it has a role.`,
    );
  }
  if (code === 'ResourceGroupNotFound') {
    return failure(
      'azure-group-unknown',
      told,
      `Correct "azure.resourceGroup", which is "${settings.resourceGroup}": az group list --output table`,
    );
  }
  if (code === 'ResourceNotFound' || code === 'ParentResourceNotFound') {
    return failure(
      'azure-workspace-unknown',
      told,
      `Correct "azure.workspace", which is "${settings.workspace}": az ml workspace list --output table`,
    );
  }
  return failure(
    'azure-refused',
    told,
    status === 429 || status >= 500
      ? 'Azure is busy or has a fault of its own: run it again later; status.azure.com tells of faults.'
      : 'Correct what it names.',
  );
}

function forbidden({ settings, identity = 'who we are' }: Asked, told: string, code: string): EdgeloopError {
  const scope = `the workspace "${settings.workspace}" in ${settings.resourceGroup}`;
  const isTenant = /Tenant|ExpiredAuthenticationToken/.test(code);
  return failure(
    'azure-forbidden',
    `${told}, for the identity of: ${identity}`,
    isTenant
      ? `The subscription ${settings.subscription} belongs to another tenant than AZURE_TENANT_ID or "az login" names, or this machine's clock is wrong.`
      : `Give it the role "AzureML Data Scientist" on ${scope}; a new role takes up to ten minutes. Or it is another subscription than the one that is meant: "azure.subscription" is ${settings.subscription}.`,
  );
}

function notReached(error: Error): Error {
  const { url } = requestOf(error);
  // Not as the cause: it holds the request.
  const plain = Object.assign(new Error(error.message.split(/\r?\n/)[0]), {
    code: Reflect.get(error, 'code') as unknown,
  });
  return lastingFailure(url, { error: plain }) ?? httpFailed(url, { error: plain });
}

function requestOf(error: Error): { url: string } {
  const request: unknown = Reflect.get(error, 'request');
  const url = typeof request === 'object' && request !== null ? Reflect.get(request, 'url') : undefined;
  return { url: typeof url === 'string' ? url.replace(/\?.*/s, '') : 'Azure' };
}

/** Code and first line of a body `{ error: { code, message } }`. */
function saidBy(error: Error): { code: string; message: string } {
  const details: unknown = Reflect.get(error, 'details');
  const said: unknown =
    typeof details === 'object' && details !== null ? (Reflect.get(details, 'error') ?? details) : {};
  const text = (name: string): string => {
    const value: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  const code = text('code') || String(Reflect.get(error, 'code') ?? '');
  return { code, message: text('message').split(/\r?\n/)[0] ?? '' };
}

/** The JSON of an answer. Throws `azure-answer-unexpected`. */
export function parseAnswer(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw failure(
      'azure-answer-unexpected',
      `${url.replace(/\?.*/s, '')} did not answer with JSON`,
      'Check whether a proxy answers in its place.',
      { cause: error },
    );
  }
}
