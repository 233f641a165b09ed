import { EXCHANGE_AUDIENCE } from '../../azure/audiences.ts';
import { EdgeloopError } from '../../errors.ts';
import { openWorkspace } from '../open-workspace.ts';
import type { LoopDeps, Workspace } from '../workspace.ts';
import type { AzureUse } from './azure-checks.ts';
import { type Check, check, type Found, skipped } from './check.ts';
import { lookAtGitHub, subjectsForEntra } from './github-checks.ts';
import { lookAtConfiguration, lookAtGit, lookAtNode, lookAtRuntime } from './project-checks.ts';
import { askWhatWeMay, lookAtLocks, lookAtRegistry, lookAtWriting, registryHost } from './registry-checks.ts';

/**
 * Looks at everything that a project needs here: program, configuration, git, registry, GitHub, Azure. Changes nothing
 * anywhere; all checks are made side by side, each with a limit of its own.
 */
export async function examine(deps: LoopDeps): Promise<Check[]> {
  const { signal } = deps;
  const program = [check('node', signal, lookAtNode), check('onnx-runtime', signal, lookAtRuntime)];
  let workspace: Workspace | undefined;
  const configuration = check('configuration', signal, async () => {
    workspace = await openWorkspace(deps);
    return lookAtConfiguration(workspace);
  });
  const rest = configuration.then(() => (workspace === undefined ? [] : examineProject(workspace)));
  // All are awaited at once: a user who cancels makes each of them throw.
  const [first, looked, found] = await Promise.all([configuration, Promise.all(program), rest]);
  return [first, ...looked, ...found];
}

async function examineProject(workspace: Workspace): Promise<Check[]> {
  const { signal } = workspace.deps;
  const { azureUse } = await import('./azure-checks.ts');
  const use = azureUse(workspace);
  let asked: ReturnType<typeof askWhatWeMay> | undefined;
  const granted = () => (asked ??= askWhatWeMay(workspace, signal));
  const isHttp = registryHost(workspace) !== undefined;
  const checks = [
    check('git', signal, () => lookAtGit(workspace)),
    check('registry', signal, () => lookAtRegistry(workspace)),
    check(isHttp ? 'registry-push' : 'registry-folder', signal, () => lookAtWriting(workspace, granted)),
    ...(use?.registry === undefined
      ? []
      : [check('registry-locks', signal, () => lookAtLocks(workspace, granted))]),
    check('github', signal, (limited) => lookAtGitHub(workspace, limited)),
  ];
  const azure = use === undefined ? [] : examineAzure(workspace, use);
  const [looked, found] = await Promise.all([Promise.all(checks), azure]);
  const identity = found.find(({ code }) => code === 'azure-identity');
  return [...looked.map((one) => toldOnce(one, identity)), ...found];
}

/** Who we are not takes many lines: the registry's checks only name the one that tells them. */
function toldOnce(one: Check, identity: Check | undefined): Check {
  if (identity?.status !== 'fail' || !one.message.includes(identity.message)) return one;
  const [first = ''] = identity.message.split('\n');
  const { mend: _, ...rest } = one;
  return { ...rest, message: one.message.replace(identity.message, () => `${first} see ${identity.code}`) };
}

async function examineAzure(workspace: Workspace, use: AzureUse): Promise<Check[]> {
  const { deps } = workspace;
  const { signal, environment, idToken, mask } = deps;
  const [{ azureCredential }, azure, places] = await Promise.all([
    import('../../azure/identity.ts'),
    import('./azure-checks.ts'),
    import('./azure-places.ts'),
  ]);
  const credential = azureCredential(environment, { idToken, mask });
  const asking = { credential, deps };
  const identity = await check('azure-identity', signal, (limited) =>
    azure.lookAtIdentity(asking, use, limited),
  );
  const has = identity.status === 'ok';
  // Without an identity each would tell the same once more.
  const asIdentity = (code: string, work: (limited: AbortSignal) => Promise<Found>) =>
    check(code, signal, (limited) => (has ? work(limited) : skipped('there is no identity to ask with')));
  const { azure: settings, registry } = use;
  const checks = [
    check('federated-credential', signal, (limited) =>
      lookAtFederation(workspace, limited, has ? credential.name : undefined),
    ),
    ...(use.data.length === 0
      ? []
      : [asIdentity('azure-data', (limited) => azure.lookAtData(asking, use, limited))]),
    ...(settings === undefined
      ? []
      : [
          asIdentity('azure-workspace', (limited) => azure.lookAtWorkspace(asking, settings, limited)),
          asIdentity('azure-submit', (limited) => azure.lookAtSubmitting(asking, settings, limited)),
          asIdentity('azure-storage', (limited) => azure.lookAtStorage(asking, settings, limited)),
          ...(registry === undefined
            ? []
            : [
                asIdentity('azure-registry', (limited) =>
                  places.lookAtRegistryMode(asking, settings, registry, limited),
                ),
              ]),
          asIdentity('azure-regions', (limited) => places.lookAtRegions(asking, settings, use, limited)),
        ]),
  ];
  return [identity, ...(await Promise.all(checks))];
}

/** The subjects that Entra must know. In a workflow it shows whether it does; elsewhere they can only be told. */
async function lookAtFederation(
  workspace: Workspace,
  signal: AbortSignal,
  source: string | undefined,
): Promise<Found> {
  const subjects = await subjectsForEntra(workspace, signal);
  if (subjects === undefined)
    return skipped('there is no repository on GitHub whose workflows Entra should know');
  const { credentials, mend, note } = subjects;
  const [first] = credentials;
  const listed = credentials.map(({ subject }) => subject).join(', ');
  const message = `issuer ${first?.issuer}, audience ${first?.audiences.join()}, subjects ${listed} (${note})`;
  const own = await ownSubject(workspace.deps);
  const here = own === undefined ? '' : `; of this job: ${own}`;
  if (source?.startsWith('workflow token') === true)
    return { status: 'ok', message: `Entra knows this workflow${here}; all that may be needed: ${message}` };
  if (own === undefined) return skipped(`whether Entra knows it shows only in a workflow: ${message}`, mend);
  return { status: 'fail', message: `Entra gave this workflow no token${here}; ${message}`, mend };
}

/** What this very job's token says, where there is one: the subject that is right for sure. */
async function ownSubject({ idToken, mask }: LoopDeps): Promise<string | undefined> {
  if (idToken === undefined) return undefined;
  const { maskSecret } = await import('../../azure/mask.ts');
  try {
    const token = await idToken(EXCHANGE_AUDIENCE);
    maskSecret(mask, token);
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const subject: unknown = Object(claims).sub;
    return typeof subject === 'string' ? subject : undefined;
  } catch (error) {
    if (error instanceof EdgeloopError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
