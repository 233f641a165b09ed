import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Check } from './check.ts';
import type { Scene } from './scene.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The churn example from a plan to a locked release that the workspace lists, by the built command. */
export function loopChecks(scene: Scene): Check[] {
  const { run } = scene;
  const model = `churn-${run}`;
  const project = () => churnOnAzure(scene, model);
  let folder: string | undefined;
  const edgeloop = async (...args: string[]): Promise<unknown> => {
    folder ??= await project();
    return runEdgeloop(scene, folder, [...args, '--json']);
  };
  return [
    {
      id: 'loop-doctor',
      assumed: 'doctor finds nothing that is missing',
      async look() {
        const { ok, checks } = z
          .object({ ok: z.boolean(), checks: z.array(z.looseObject({ ok: z.boolean().optional() })) })
          .parse(await edgeloop('doctor'));
        return { ok, saw: `${checks.length} checks` };
      },
    },
    {
      id: 'loop-retrain',
      assumed: 'churn is trained on Azure ML and passes the gate as its first release',
      async look() {
        const retrained = retrainedSchema.parse(await edgeloop('retrain', model));
        return {
          ok: retrained.verdict.outcome === 'first' && !retrained.reused,
          saw: `${retrained.verdict.outcome}, ${JSON.stringify(retrained.job)}`,
        };
      },
    },
    {
      id: 'loop-again',
      assumed: 'a second retrain trains nothing',
      async look() {
        const { reused } = retrainedSchema.parse(await edgeloop('retrain', model));
        return { ok: reused, saw: `reused: ${reused}` };
      },
    },
    {
      id: 'loop-release',
      assumed: 'the release is pushed, locked and registered',
      async look() {
        const { version } = z.object({ version: z.string() }).parse(await edgeloop('release', model));
        return { ok: version === '1.0.0', saw: version };
      },
    },
    {
      id: 'loop-verify',
      assumed: 'git, registry, locks and registered models agree',
      async look() {
        const { ok, findings } = z
          .object({ ok: z.boolean(), findings: z.array(z.unknown()) })
          .parse(await edgeloop('verify', model));
        return { ok, saw: ok ? 'no finding' : JSON.stringify(findings) };
      },
    },
  ];
}

const retrainedSchema = z.looseObject({
  reused: z.boolean(),
  job: z.unknown(),
  verdict: z.looseObject({ outcome: z.string() }),
});

/** A copy of the example in a git repository of its own, without an origin: nothing is tagged anywhere else. */
async function churnOnAzure(scene: Scene, model: string): Promise<string> {
  const { settings, signal } = scene;
  const folder = join(scene.folder, 'churn');
  cpSync(join(ROOT, 'examples/churn'), folder, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  const file = join(folder, 'edgeloop.yaml');
  const compute = settings.compute === undefined ? '' : `\n      compute: ${settings.compute}`;
  const { subscription, resourceGroup, workspace } = settings;
  const text = readFileSync(file, 'utf8')
    .replace(/^registry: .*$/m, `registry: ${settings.registry}`)
    .replace(/^ {2}churn:$/m, `  ${model}:`)
    .replace(/^ {6}environment: .*$/m, `      environment: ${settings.trainingEnvironment}`)
    .replace(/^ {6}target: local$/m, `      target: azureml${compute}`);
  const azure = `azure:\n  subscription: ${subscription}\n  resourceGroup: ${resourceGroup}\n  workspace: ${workspace}\n`;
  writeFileSync(file, `${text}\n${azure}`);
  const git = (...args: string[]) => execute('git', args, { cwd: folder, env: scene.environment, signal });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  const author = ['-c', 'user.name=Edgeloop', '-c', 'user.email=edgeloop@example.com'];
  await git(...author, 'commit', '--quiet', '--message', 'Churn on Azure ML');
  return folder;
}

async function runEdgeloop(scene: Scene, cwd: string, args: string[]): Promise<unknown> {
  const program = join(ROOT, 'dist/edgeloop.js');
  if (!existsSync(program)) throw new Error('there is no dist/: run npm run build first');
  const identity = {
    GIT_AUTHOR_NAME: 'Edgeloop',
    GIT_AUTHOR_EMAIL: 'edgeloop@example.com',
    GIT_COMMITTER_NAME: 'Edgeloop',
    GIT_COMMITTER_EMAIL: 'edgeloop@example.com',
  };
  const env = { ...scene.environment, ...identity };
  return JSON.parse(await execute(process.execPath, [program, ...args], { cwd, env, signal: scene.signal }));
}

/** Shows what a program says on stderr, and gives its stdout; a verb that refuses has told why in JSON. */
function execute(
  command: string,
  args: string[],
  { cwd, env, signal }: { cwd: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<string> {
  const { promise, resolve: done, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const end = () => child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk));
  child.on('error', reject);
  child.on('close', (code) => {
    signal.removeEventListener('abort', end);
    const text = Buffer.concat(chunks).toString();
    if (code === 0 || text.trim() !== '') done(text);
    else reject(new Error(`${args.slice(0, 3).join(' ')} ended with ${code}`));
  });
  return promise;
}
