// A team's own job files: what azure-ai-ml makes of them, and what the stand-in for Azure Machine Learning runs.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jobFromFile } from '../../src/azure/ml/job-file/job-from-file.ts';
import type { JobCommon } from '../../src/azure/ml/job-body.ts';
import { openMlWorkspace } from '../../src/azure/ml/workspace.ts';
import type { ServiceTraining } from '../../src/training/index.ts';
import { type FakeAzureMl, startAzureMl } from '../fakes/azureml/stand-in.ts';
import { accessToken } from '../fakes/entra.ts';
import { type Azurite, azuriteAvailable, startAzurite } from '../fixtures/azurite.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/azureml-jobs');
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.rest.json'));
/** The workspace of the fixtures. */
const THERE = /\/subscriptions\/[^"]+?\/workspaces\/edge/g;
const BOUND = JSON.parse(readFileSync(join(FOLDER, 'bindings.json'), 'utf8'));

function trainingOf(file: string): ServiceTraining {
  return {
    model: 'churn',
    inputKey: '0123456789abcdef'.repeat(4),
    work: { jobFile: join(FOLDER, file) },
    params: BOUND.params,
    code: { folder: FOLDER, digest: `sha256:${'c'.repeat(64)}` },
    data: { digest: `sha256:${'d'.repeat(64)}`, files: 1, bytes: 1, at: { path: '/nowhere' } },
    environment: undefined,
    compute: undefined,
    instance: undefined,
    timeoutMs: BOUND.timeoutSeconds * 1000,
    budget: { maxMinutes: undefined, maxCost: undefined, hourlyRate: undefined },
    git: undefined,
  };
}

function commonOf(id: string, file: string): JobCommon {
  const { inputs } = parse(readFileSync(join(FOLDER, file), 'utf8'));
  return {
    name: BOUND.name,
    experimentName: BOUND.experiment,
    tags: BOUND.tags,
    properties: BOUND.properties,
    code: async (folder) => `${id}/codes/${relative(FOLDER, folder)}/versions/1`,
    data: {
      id: `${id}/data/edgeloop-data/versions/1`,
      type: inputs.train.type === 'uri_file' ? 'uri_file' : 'uri_folder',
    },
    outputUri: BOUND.model,
    timeout: `PT${BOUND.timeoutSeconds}S`,
    computeId: undefined,
  };
}

interface Made {
  job: unknown;
  environments: Record<string, unknown>;
  components: Record<string, unknown>;
}

/** With what is made for a job named by its content, since its names are a matter of the client. */
function byContent({ job, environments, components }: Made): unknown {
  let text = JSON.stringify(plain(job));
  const named = (made: unknown) =>
    createHash('sha256')
      .update(JSON.stringify(plain(made)))
      .digest('hex');
  for (const [name, made] of Object.entries(environments))
    text = text.replaceAll(`/environments/${name}/`, `/environments/${named(made)}/`);
  for (const [name, made] of Object.entries(components))
    text = text.replaceAll(name.replace('/', '/versions/'), named(made));
  return {
    job: JSON.parse(text),
    components: Object.values(components)
      .map(plain)
      .toSorted((a, b) => (named(a) < named(b) ? -1 : 1)),
  };
}

/** Without what means nothing: the order of keys, what is empty, what is so by default, how a duration is written. */
function plain(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => plain(one));
  if (typeof value !== 'object' || value === null) return scalar(value, key);
  const entries = Object.entries(value)
    .filter(([name]) => !['isArchived', 'isAnonymous', 'osType'].includes(name))
    .map(([name, held]): [string, unknown] => [
      name,
      key === 'environmentVariables' ? String(held) : plain(held, name),
    ])
    .filter(([, held]) => held !== undefined && held !== null && JSON.stringify(held) !== '{}')
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

function scalar(value: unknown, key: string): unknown {
  const [, hours = 0, minutes = 0, seconds = 0] =
    /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(String(value)) ?? [];
  if (/timeout$/i.test(key) && typeof value === 'string')
    return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  if (key === 'condaFile') return plain(parse(String(value)));
  // The description says "Minimize" and "Sobol", azure-ai-ml sends them small.
  return (key === 'goal' || key === 'rule') && typeof value === 'string' ? value.toLowerCase() : value;
}

describe.skipIf(!azuriteAvailable())("a team's own job file", () => {
  let azurite: Azurite;
  let ml: FakeAzureMl;
  beforeAll(async () => {
    azurite = await startAzurite();
    ml = await startAzureMl({ tls: await azurite.authority.issue('ml', 'IP:127.0.0.1'), storage: azurite });
  }, 60_000);
  afterAll(async () => {
    await ml?.stop();
    await azurite?.stop();
  });
  const workspace = () =>
    openMlWorkspace({
      settings: ml.place,
      credential: {
        source: 'test',
        getToken: async () => ({
          token: accessToken('72f988bf-86f1-41af-91ab-2d7cd011db47', 'https://management.azure.com'),
          expiresOnTimestamp: Date.now() + 3_600_000,
        }),
      },
      environment: { ...process.env, ...ml.environment },
      mask: () => {},
    });

  it.each(FILES)('is sent as azure-ai-ml sends it: %s', async (expectation) => {
    const file = expectation.replace('.rest.json', '.yml');
    const opened = workspace();
    const before = ml.requests.length;
    const body = await jobFromFile(opened, trainingOf(file), commonOf(opened.id, file));
    await opened.client.jobs.createOrUpdate(...opened.at, `${file.replaceAll('.', '-')}`, {
      properties: body,
    });

    const put = (pattern: RegExp) =>
      ml.requests.slice(before).flatMap(({ method, path, body: sent }) => {
        const [, name = '', version = ''] = (method === 'PUT' && pattern.exec(path)) || [];
        return name === ''
          ? []
          : [
              {
                key: version === '' ? name : `${name}/${version}`,
                sent: (sent as { properties: object }).properties,
              },
            ];
      });
    const [job] = put(/\/jobs\/([^/?]+)/);
    const ours = JSON.parse(
      JSON.stringify({
        job: job?.sent,
        environments: Object.fromEntries(put(/\/environments\/([^/]+)/).map(({ key, sent }) => [key, sent])),
        components: Object.fromEntries(
          put(/\/components\/([^/]+)\/versions\/([^/?]+)/).map(({ key, sent }) => [key, sent]),
        ),
      }).replaceAll(opened.id, '/workspace'),
    );
    const text = readFileSync(join(FOLDER, expectation), 'utf8').replaceAll(THERE, '/workspace');
    const theirs = { environments: {}, components: {}, ...JSON.parse(text) };
    // The description of 2022-10-01 knows the resources of a trial only.
    if (theirs.job.jobType === 'Sweep') delete theirs.job.resources;
    expect(byContent(ours)).toEqual(byContent(theirs));
  });
});
