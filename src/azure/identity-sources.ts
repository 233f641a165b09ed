import { readFile } from 'node:fs/promises';
import {
  AzureCliCredential,
  ClientAssertionCredential,
  CredentialUnavailableError,
  ManagedIdentityCredential,
  type TokenCredential,
  WorkloadIdentityCredential,
} from '@azure/identity';
import { EXCHANGE_AUDIENCE } from './audiences.ts';
import { askEntra } from './entra-reached.ts';
import { limitAnswers } from './limit-answers.ts';
import { type Mask, maskSecret } from './mask.ts';

/** One way to be somebody to Azure. */
export interface Source {
  name: string;
  getToken: TokenCredential['getToken'];
}

/** Gives a token by which a workflow proves which one it is (OIDC), for an audience. */
export type IdToken = (audience: string) => Promise<string>;

/** The workflow's own token (OIDC); each assertion is a fresh one. */
export function workflowToken(
  environment: NodeJS.ProcessEnv,
  idToken: IdToken | undefined,
  mask: Mask,
): Source {
  const name = 'workflow token (OIDC)';
  const { AZURE_CLIENT_ID: clientId, AZURE_TENANT_ID: tenantId } = environment;
  if (idToken === undefined) return absent(name, 'no workflow whose job has permissions: id-token: write');
  if (!clientId || !tenantId) return absent(name, NO_CLIENT);
  // The SDK asks for one each time that it wants a token, so that a wait of hours does not outlive it.
  const assertion = async () => {
    const token = await idToken(EXCHANGE_AUDIENCE);
    maskSecret(mask, token);
    return token;
  };
  return present(
    { environment, tenantId },
    made(name, () => new ClientAssertionCredential(tenantId, clientId, assertion, entraOf(environment))),
  );
}

/** Its name in messages. */
export const FILE = 'workload identity file';

/** A file that holds an assertion, as Kubernetes writes it. */
export function workloadIdentityFile(environment: NodeJS.ProcessEnv, mask: Mask): Source {
  const name = FILE;
  const { AZURE_CLIENT_ID: clientId, AZURE_TENANT_ID: tenantId } = environment;
  const tokenFilePath = environment['AZURE_FEDERATED_TOKEN_FILE'];
  if (!tokenFilePath) return absent(name, 'AZURE_FEDERATED_TOKEN_FILE is not set');
  if (!clientId || !tenantId) return absent(name, NO_CLIENT);
  const options = { clientId, tenantId, tokenFilePath, ...entraOf(environment) };
  const source = made(name, () => {
    const credential = new WorkloadIdentityCredential(options);
    return {
      async getToken(scopes, asked) {
        // The SDK reads it as well, and says what is wrong with it.
        const assertion = await readFile(tokenFilePath, 'utf8').catch(() => '');
        maskSecret(mask, assertion.trim());
        return credential.getToken(scopes, asked);
      },
    };
  });
  return present({ environment, tenantId }, source);
}

/** A token comes in a second. All tries together end before `azure-token-timeout`, which knows less of it. */
const ANSWER_MS = 10_000;
const RETRIES = { maxRetries: 2 };
const NO_CLIENT = 'AZURE_CLIENT_ID or AZURE_TENANT_ID is not set';

/** Where Entra is, if not in the public cloud, and how long it may take to answer. */
function entraOf(environment: NodeJS.ProcessEnv) {
  const authorityHost = environment['AZURE_AUTHORITY_HOST'];
  return {
    retryOptions: RETRIES,
    additionalPolicies: [{ policy: limitAnswers(ANSWER_MS), position: 'perRetry' as const }],
    ...(authorityHost && { authorityHost, disableInstanceDiscovery: true }),
  };
}

/** Of a virtual machine, or of a device that Azure Arc knows. */
export function managedIdentity(environment: NodeJS.ProcessEnv): Source {
  const clientId = environment['AZURE_CLIENT_ID'];
  // As DefaultAzureCredential does it: where no virtual machine's endpoint answers, a second is enough to know; without
  // it, minutes. Azure Arc's is known by the environment or its agent's program, and is not probed.
  const options = { sendProbeRequest: true, ...(clientId && { clientId }) };
  return made('managed identity', () => new ManagedIdentityCredential(options));
}

/** Who is signed in to the Azure CLI. */
export function azureCli(): Source {
  return made('Azure CLI', () => new AzureCliCredential());
}

/** Made when it is asked for the first time: a wrong setting of one must not stop the others. */
function made(name: string, make: () => TokenCredential): Source {
  let credential: TokenCredential | undefined;
  return {
    name,
    getToken: async (scopes, options) => {
      credential ??= make();
      return credential.getToken(scopes, options);
    },
  };
}

/**
 * A source that the settings name. The SDK says of one whose Entra cannot be reached that it is not there; another identity
 * must not stand in for it.
 */
function present(
  { environment, tenantId }: { environment: NodeJS.ProcessEnv; tenantId: string },
  { name, getToken }: Source,
): Source {
  return {
    name,
    async getToken(scopes, options) {
      try {
        return await getToken(scopes, options);
      } catch (error) {
        if (options?.abortSignal?.aborted === true || !(error instanceof Error)) throw error;
        const isUnreached = /^(\w+: )?(endpoints_resolution|network)_error/.test(error.message);
        if (!isUnreached && !(error instanceof CredentialUnavailableError)) throw error;
        const signal = options?.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
        const said = isUnreached ? await askEntra(environment, tenantId, signal) : undefined;
        throw new Error(said ?? reasonOf(error), { cause: error });
      }
    },
  };
}

function absent(name: string, why: string): Source {
  return { name, getToken: () => Promise.reject(new CredentialUnavailableError(why)) };
}

/**
 * The first line, or what Entra says in it, without the names of classes, trace ids and links. What MSAL says of a server's
 * answer stands between fields of which it knows nothing ("Error(s): Not Available - ... - Description: ... - Correlation
 * ID: ...").
 */
export function reasonOf(error: unknown): string {
  const [line = ''] = String(error instanceof Error ? error.message : error).split(/\r?\n/);
  const [said] = /AADSTS\d+: .*?(?= Trace ID: |$)/.exec(line) ?? [];
  const [, described] = / - Description: (.+?) - Correlation ID: /.exec(line) ?? [];
  return (said ?? described ?? line.replace(/^\w+Credential: /, '')).trim();
}
