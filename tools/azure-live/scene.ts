import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import { azureCredential, type ChainedCredential, type IdToken } from '../../src/azure/identity.ts';
import { type MlWorkspace, openMlWorkspace } from '../../src/azure/ml/workspace.ts';
import { workflowToken } from '../../src/cli/workflow-token.ts';
import { misuse } from '../../src/errors.ts';
import type { ServiceTraining } from '../../src/training/index.ts';

/** Where the checks look, from the variables of a repository. */
export interface LiveSettings {
  subscription: string;
  resourceGroup: string;
  workspace: string;
  /** `HOST/PREFIX`. */
  registry: string;
  /** Something with a POSIX shell; for the loop also with Node 24. */
  trainingEnvironment: string;
  /** Serverless without. */
  compute: string | undefined;
}

/** An Azure, and somebody who looks at it. Everything made there has `run` in its name, or is made once per content. */
export interface Scene {
  settings: LiveSettings;
  environment: NodeJS.ProcessEnv;
  credential: ChainedCredential;
  /** Gives the workflow's own token; absent elsewhere. */
  idToken: IdToken | undefined;
  ml: MlWorkspace;
  /** The bodies of PUT requests to Resource Manager by the last parts of their paths: `jobs/NAME`. */
  sent: Map<string, string>;
  /** Different in each run. */
  run: string;
  /** Exists, and is removed by whoever opened the scene. */
  folder: string;
  mask: (secret: string) => void;
  signal: AbortSignal;
}

/** Reads the settings. Throws the misuse `live-settings`, which names what is missing. */
export function liveSettings(environment: NodeJS.ProcessEnv): LiveSettings {
  const missing: string[] = [];
  const need = (name: string): string => {
    const value = environment[name] ?? '';
    if (value === '') missing.push(name);
    return value;
  };
  const settings = {
    subscription: need('AZURE_SUBSCRIPTION_ID'),
    resourceGroup: need('EDGELOOP_LIVE_GROUP'),
    workspace: need('EDGELOOP_LIVE_WORKSPACE'),
    registry: need('EDGELOOP_REGISTRY'),
    trainingEnvironment: need('EDGELOOP_LIVE_ENVIRONMENT'),
    compute: environment['EDGELOOP_LIVE_COMPUTE'] || undefined,
  };
  if (missing.length === 0) return settings;
  throw misuse('live-settings', `not set: ${missing.join(', ')}`, 'docs/azure-live.md says what they are.');
}

/** Opens what the checks look at; asks nothing yet. */
export function openScene(
  options: Pick<Scene, 'settings' | 'environment' | 'folder' | 'mask' | 'signal'>,
): Scene {
  const { settings, environment, mask, signal } = options;
  const idToken = workflowToken(environment);
  const credential = azureCredential(environment, { idToken, mask });
  const { subscription, resourceGroup, workspace } = settings;
  const place = { subscription, resourceGroup, workspace };
  const ml = openMlWorkspace({ settings: place, credential, environment, mask, signal });
  const sent = new Map<string, string>();
  ml.client.pipeline.addPolicy(rememberPuts(sent), { phase: 'Sign' });
  return { ...options, credential, idToken, ml, sent, run: randomBytes(6).toString('hex') };
}

function rememberPuts(sent: Map<string, string>): PipelinePolicy {
  return {
    name: 'rememberPuts',
    sendRequest(request, next) {
      const [, asked] = /\/workspaces\/[^/]+\/([^?]+)/.exec(request.url) ?? [];
      if (request.method === 'PUT' && asked !== undefined && typeof request.body === 'string')
        sent.set(asked, request.body);
      return next(request);
    },
  };
}

/** Writes files into a new folder of the scene. */
export function folderOf({ folder }: Scene, name: string, files: Record<string, string>): string {
  const made = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(made, path)), { recursive: true });
    writeFileSync(join(made, path), text);
  }
  return made;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What a param may hold and must stay one word: quotes, blanks, what a shell would run. */
export const AWKWARD = `it's "one" word; $(exit 1) é`;

/** A training of seconds that needs a shell and nothing else: it prints, and leaves its data and its param. */
export function smallTraining(scene: Scene, name: string, seconds: number): ServiceTraining {
  const { settings, run } = scene;
  const script = [
    'mkdir -p "$2"',
    'i=0; while [ $i -lt "$4" ]; do i=$((i+1)); echo "second $i of $4"; sleep 1; done',
    'cat "$1/rows.csv" > "$2/model.onnx"',
    'printf %s "$3" > "$2/word.txt"',
  ].join('\n');
  const rows = `a,b\n1,${run}\n`;
  return {
    model: 'azure-live',
    inputKey: sha256(`${name} ${run}`),
    work: {
      run: 'sh training/live.sh ${{inputs.train}} ${{outputs.model}} ${{inputs.word}} ${{inputs.seconds}}',
    },
    params: { word: AWKWARD, seconds },
    code: {
      folder: folderOf(scene, 'code', { 'training/live.sh': `${script}\n` }),
    },
    data: {
      digest: `sha256:${sha256(rows)}`,
      files: 1,
      bytes: rows.length,
      at: { path: folderOf(scene, 'data', { 'rows.csv': rows }), requireSame: async () => {} },
    },
    environment: settings.trainingEnvironment,
    compute: settings.compute,
    instance: undefined,
    timeoutMs: 20 * 60_000,
    budget: { maxMinutes: undefined, maxCost: undefined, hourlyRate: undefined },
    git: { commit: '0'.repeat(40), branch: 'main', repository: undefined, isDirty: false },
  };
}
