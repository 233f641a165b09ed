import {
  type AccessToken,
  AzureCliCredential,
  CredentialUnavailableError,
  ManagedIdentityCredential,
  type TokenCredential,
  WorkloadIdentityCredential,
} from '@azure/identity';
import { failure } from '../errors.ts';

/** Who we are to Azure, as its SDKs take it. */
export interface AzureCredential extends TokenCredential {
  getToken: (...asked: Parameters<TokenCredential['getToken']>) => Promise<AccessToken>;
  /** What gave the last token: for messages. */
  readonly source: string | undefined;
}

interface Source {
  name: string;
  getToken: TokenCredential['getToken'];
}

/**
 * An explicit chain, not a guess: a workload identity file, the machine's managed identity, who is signed in to the
 * Azure CLI. The next one is asked only where there is nothing of the one before; one that is there and is refused ends
 * it. Holds no key, password or connection string. Throws `azure-no-identity`, which tells what each said.
 */
export function azureCredential(environment: NodeJS.ProcessEnv): AzureCredential {
  const sources = [workloadIdentityFile(environment), managedIdentity(environment), azureCli()];
  let source: string | undefined;
  return {
    get source() {
      return source;
    },
    async getToken(scopes, options) {
      const said: string[] = [];
      for (const { name, getToken } of sources) {
        try {
          const token = await getToken(scopes, options);
          if (token === null) throw new CredentialUnavailableError('it gave no token');
          source = name;
          return token;
        } catch (error) {
          if (options?.abortSignal?.aborted === true) throw error;
          said.push(`${name}: ${reasonOf(error)}`);
          if (!(error instanceof CredentialUnavailableError)) break;
        }
      }
      throw failure(
        'azure-no-identity',
        `no identity for Azure:\n  ${said.join('\n  ')}`,
        'On your own machine sign in with "az login". A runner or device needs a managed identity, or a workload identity: AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE.',
      );
    },
  };
}

function workloadIdentityFile(environment: NodeJS.ProcessEnv): Source {
  const name = 'workload identity file';
  const clientId = environment['AZURE_CLIENT_ID'];
  const tenantId = environment['AZURE_TENANT_ID'];
  const tokenFilePath = environment['AZURE_FEDERATED_TOKEN_FILE'];
  if (!tokenFilePath) return absent(name, 'AZURE_FEDERATED_TOKEN_FILE is not set');
  if (!clientId || !tenantId) return absent(name, 'AZURE_CLIENT_ID or AZURE_TENANT_ID is not set');
  const authorityHost = environment['AZURE_AUTHORITY_HOST'];
  return made(name, () => {
    const options = { clientId, tenantId, tokenFilePath, disableInstanceDiscovery: Boolean(authorityHost) };
    return new WorkloadIdentityCredential({ ...options, ...(authorityHost && { authorityHost }) });
  });
}

function managedIdentity(environment: NodeJS.ProcessEnv): Source {
  const clientId = environment['AZURE_CLIENT_ID'];
  // As DefaultAzureCredential does it: where nobody answers, a second is enough to know; without it, minutes.
  const options = { sendProbeRequest: true, ...(clientId && { clientId }) };
  return made('managed identity', () => new ManagedIdentityCredential(options));
}

function azureCli(): Source {
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

function absent(name: string, why: string): Source {
  return { name, getToken: () => Promise.reject(new CredentialUnavailableError(why)) };
}

/** The first line, without the name of a class: what follows are trace ids and links. */
function reasonOf(error: unknown): string {
  const [line = ''] = String(error instanceof Error ? error.message : error).split(/\r?\n/);
  return line.replace(/^\w+Credential: /, '').trim();
}
