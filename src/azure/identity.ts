import { type AccessToken, CredentialUnavailableError, type TokenCredential } from '@azure/identity';
import { EdgeloopError, failure } from '../errors.ts';
import {
  azureCli,
  FILE,
  type IdToken,
  managedIdentity,
  reasonOf,
  type Source,
  workflowToken,
  workloadIdentityFile,
} from './identity-sources.ts';
import { type Mask, maskSecret } from './mask.ts';

export type { IdToken } from './identity-sources.ts';

/** Who we are to Azure, as its SDKs take it. */
export interface AzureCredential extends TokenCredential {
  getToken: (...asked: Parameters<TokenCredential['getToken']>) => Promise<AccessToken>;
  /** What gave the last token, and why nothing else did: for messages. */
  readonly source: string | undefined;
}

/** One that tells how its last token was found. */
export interface ChainedCredential extends AzureCredential {
  /** What gave the last token, alone. */
  readonly name: string | undefined;
  /** Why it was none of the others. */
  readonly others: string;
}

export interface AzureCredentialOptions {
  /** Absent where no workflow runs that may prove which one it is. */
  idToken?: IdToken | undefined;
  mask: Mask;
  /** How long a token may take. Default 50 s. */
  limitMs?: number;
}

/** For the whole chain; shorter than anybody waits for an answer of Azure's, so that it is told what hangs. */
const LIMIT_MS = 50_000;

/**
 * An explicit chain, not a guess: the workflow's own token (OIDC), a workload identity file, the machine's managed identity
 * (of a virtual machine, or of a device that Azure Arc knows), who is signed in to the Azure CLI. The next one is asked
 * only where there is nothing of the one before; one that is there and is refused ends it. Holds no key, password or
 * connection string. Throws `azure-no-identity` or `azure-identity-failed`, which tell what each said, and
 * `azure-token-timeout`.
 */
export function azureCredential(
  environment: NodeJS.ProcessEnv,
  { idToken, mask, limitMs = LIMIT_MS }: AzureCredentialOptions,
): ChainedCredential {
  const sources = [
    workflowToken(environment, idToken, mask),
    workloadIdentityFile(environment, mask),
    managedIdentity(environment),
    azureCli(),
  ];
  let name: string | undefined;
  let others = '';
  const after = (last: string) => sources.slice(sources.findIndex((one) => one.name === last) + 1);
  const askEach: AzureCredential['getToken'] = async (scopes, options) => {
    const unsuccessful: Unsuccessful[] = [];
    for (const asked of sources) {
      try {
        const token = await asked.getToken(scopes, options);
        if (token === null) throw new CredentialUnavailableError('it gave no token');
        maskSecret(mask, token.token);
        ({ name } = asked);
        others = othersThan(unsuccessful, after(name));
        return token;
      } catch (error) {
        // A failure of ours, to get a workflow's token for example, says more than what follows.
        if (options?.abortSignal?.aborted === true || error instanceof EdgeloopError) throw error;
        unsuccessful.push({ name: asked.name, why: reasonOf(error) });
        if (!(error instanceof CredentialUnavailableError)) throw failed(unsuccessful, after(asked.name));
      }
    }
    throw failure(
      'azure-no-identity',
      `no identity for Azure:\n  ${listed(unsuccessful)}`,
      'On your own machine sign in with "az login". A runner or device needs a managed identity, or a workload identity: AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE; the job of a workflow permissions: { id-token: write } and the first two.',
    );
  };
  return {
    get name() {
      return name;
    },
    get others() {
      return others;
    },
    get source() {
      return name === undefined || others === '' ? name : `${name} (${others})`;
    },
    getToken: inTime(askEach, limitMs),
  };
}

/** A request for a token that hangs would hang for ever: not every credential of the SDK has a limit, or heeds a signal. */
function inTime(getToken: AzureCredential['getToken'], limitMs: number): AzureCredential['getToken'] {
  return async (scopes, options) => {
    const late = AbortSignal.timeout(limitMs);
    const user = options?.abortSignal;
    const ends = AbortSignal.any([late, ...(user instanceof AbortSignal ? [user] : [])]);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const end = () => reject(late.aborted ? noToken(limitMs) : ends.reason);
    ends.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([getToken(scopes, { ...options, abortSignal: ends }), ended]);
    } catch (error) {
      throw late.aborted ? noToken(limitMs) : error;
    } finally {
      ends.removeEventListener('abort', end);
    }
  };
}

function noToken(limitMs: number): Error {
  return failure(
    'azure-token-timeout',
    `no token for Azure came within ${limitMs / 1000} s`,
    'Check that Entra, or what gives this machine its identity, can be reached from here.',
  );
}

interface Unsuccessful {
  name: string;
  why: string;
}

function othersThan(before: readonly Unsuccessful[], after: readonly Source[]): string {
  const inVain = before.map(({ name, why }) => `${name}: ${why}`).join('; ');
  const unasked = after.map(({ name }) => name).join(', ');
  return [inVain && `before it, in vain: ${inVain}`, unasked && `not asked, since it comes first: ${unasked}`]
    .filter(Boolean)
    .join('; ');
}

function failed(tried: readonly Unsuccessful[], after: readonly Source[]): Error {
  const unasked = after
    .map(({ name }) => `\n  ${name}: not asked, since the one before it is there`)
    .join('');
  return failure(
    'azure-identity-failed',
    `the identity for Azure gets no token:\n  ${listed(tried)}${unasked}`,
    mendFor(tried.at(-1)),
  );
}

function mendFor({ name, why }: Unsuccessful = { name: '', why: '' }): string {
  const isFile = name === FILE;
  if (why.includes('AADSTS700024'))
    return isFile
      ? 'The token in AZURE_FEDERATED_TOKEN_FILE has expired, or the clock here is wrong: have whatever writes that file write it anew.'
      : "Check the clock here: the workflow's token was made a moment ago.";
  const settings = isFile
    ? 'AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE'
    : 'AZURE_CLIENT_ID and AZURE_TENANT_ID';
  return `Correct ${settings}, and the federated credential of that application: "edgeloop doctor" prints the subjects that it needs.`;
}

function listed(tried: readonly Unsuccessful[]): string {
  return tried.map(({ name, why }) => `${name}: ${why}`).join('\n  ');
}
