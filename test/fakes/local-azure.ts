import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Azurite, startAzurite } from '../fixtures/azurite.ts';
import type { Role } from './acr/tokens.ts';
import { type Acr, startAcr } from './acr/stand-in.ts';
import { type AzureMlSettings, type FakeAzureMl, startAzureMl } from './azureml/stand-in.ts';
import { type FakeEntra, startEntra } from './entra.ts';
import { type GitHubOidc, startGitHubOidc } from './github-oidc.ts';

export interface LocalAzure extends AsyncDisposable {
  azurite: Azurite;
  oidc: GitHubOidc;
  entra: FakeEntra;
  acr: Acr;
  ml: FakeAzureMl;
  /** What a process needs to work with all of it: where everything is, and who it is. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

export interface LocalAzureSettings {
  /** What our identity may do with the registry. */
  role?: Role;
  ml?: Partial<AzureMlSettings>;
}

const EXCHANGE = 'api://AzureADTokenExchange';
/** A federated token file, which Kubernetes would write anew, is good for as long as anybody may want to work with it. */
const FILE_LIVES_SECONDS = 30 * 24 * 3600;

/** Starts every stand-in for Azure, with one authority, one identity, and one way to find them. */
export async function startLocalAzure(settings: LocalAzureSettings = {}): Promise<LocalAzure> {
  const { role = 'Container Registry Repository Contributor' } = settings;
  const started: { stop(): Promise<void> }[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'edgeloop-local-azure-'));
  const stop = async () => {
    const ended = await Promise.allSettled(started.toReversed().map((one) => one.stop()));
    await rm(folder, { recursive: true, force: true });
    const failed = ended.filter((one) => one.status === 'rejected').map((one): unknown => one.reason);
    if (failed.length > 0) throw failed.length === 1 ? failed[0] : new AggregateError(failed);
  };
  const keep = <T extends { stop(): Promise<void> }>(one: T): T => {
    started.push(one);
    return one;
  };
  try {
    const azurite = keep(await startAzurite());
    const { authority } = azurite;
    const tls = await authority.issue('local-azure', 'IP:127.0.0.1');
    const oidc = keep(await startGitHubOidc(tls));
    const [tenantId, clientId] = [randomUUID(), randomUUID()];
    const apps = [{ clientId, credentials: [{ issuer: oidc.issuer, subject: oidc.subject }] }];
    const entra = keep(await startEntra(tls, { tenantId, apps, authority: authority.certificate }));
    const entraRole = (token: string) =>
      entra.hasGiven(token, 'https://containerregistry.azure.net') ? role : undefined;
    const acr = keep(await startAcr({ authority, entraRole }));
    const registry = acr.host.replace(/\..*/, '');
    const ml = keep(await startAzureMl({ tls, storage: azurite, registry, entra, ...settings.ml }));
    const file = join(folder, 'federated-token');
    const expires = Math.floor(Date.now() / 1000) + FILE_LIVES_SECONDS;
    await writeFile(file, oidc.token(EXCHANGE, { exp: expires }), { mode: 0o600 });
    await mkdir(join(folder, 'docker'));
    return {
      azurite,
      oidc,
      entra,
      acr,
      ml,
      environment: {
        ...acr.environment,
        ...ml.environment,
        // Nobody is logged in to a registry, nor asked who this machine is.
        DOCKER_CONFIG: join(folder, 'docker'),
        AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9',
        NO_PROXY: '127.0.0.1',
        EDGELOOP_BLOB_ENDPOINT: `${azurite.url}/{account}`,
        EDGELOOP_REGISTRY: `${acr.host}/models`,
        NODE_EXTRA_CA_CERTS: authority.certificate,
        AZURE_AUTHORITY_HOST: entra.url,
        AZURE_TENANT_ID: tenantId,
        AZURE_CLIENT_ID: clientId,
        AZURE_FEDERATED_TOKEN_FILE: file,
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
