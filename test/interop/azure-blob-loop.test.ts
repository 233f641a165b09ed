// The built program on data in Azure Blob Storage, from the plan to a release, and what it says when that fails.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { BLOB_READ, blobProject, type BlobScene, putFile, startBlobScene } from '../fixtures/blob-project.ts';
import { commit } from '../fixtures/churn-project.ts';
import { checkError, edit } from '../fixtures/expect-error.ts';

const LISTING = { method: 'GET', path: /comp=list/ };

describe.skipIf(!azuriteAvailable())('a model whose data lie in Azure Blob Storage', () => {
  let scene: BlobScene;
  let count = 0;
  let said: string[] = [];
  beforeAll(async () => {
    scene = await startBlobScene();
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());
  beforeEach(() => {
    said = [];
    scene.proxy.heal();
    scene.proxy.requests.length = 0;
  });

  const newProject = () => blobProject(scene, `churn-${(count += 1)}`);
  const json = async (project: string, ...args: string[]) => {
    const ran = await scene.run(project, [...args, '--json', '--log-level', 'debug']);
    expect(ran).toMatchObject({ code: 0 });
    said.push(ran.stdout, ran.stderr);
    return JSON.parse(ran.stdout);
  };
  const reads = () => scene.proxy.requests.filter(({ path }) => BLOB_READ.path.test(path));

  it('is planned, trained and released, again when the data change, and nothing tells a secret', async () => {
    const { project, container } = await newProject();
    edit(project, 'edgeloop.yaml', ['run: node', 'run: env && node']);
    commit(project, 'what the training is given');
    const verb = async (...args: string[]) => {
      const ran = await scene.run(project, [...args, '--log-level', 'debug']);
      expect(ran).toMatchObject({ code: 0 });
      said.push(ran.stdout, ran.stderr);
    };
    const [first] = (await json(project, 'plan')).models;
    expect(first).toMatchObject({ decision: 'train', dataset: { files: 1 } });
    expect(scene.proxy.requests.length).toBeGreaterThan(0);
    expect(reads()).toEqual([]);

    await verb('retrain', 'churn');
    expect(await json(project, 'release', 'churn')).toMatchObject({ version: '1.0.0' });
    const before = reads().length;
    expect((await json(project, 'plan')).models).toMatchObject([
      { decision: 'unchanged', dataset: first.dataset },
    ]);

    await putFile(container, 'train', join(project, 'arrivals/churn-2.csv'));
    expect((await json(project, 'plan')).models).toMatchObject([
      {
        decision: 'train',
        reasons: [expect.stringContaining('training data changed')],
        dataset: { files: 2 },
      },
    ]);
    expect(reads()).toHaveLength(before);
    await verb('retrain', 'churn');
    expect(await json(project, 'release', 'churn')).toMatchObject({ version: '1.0.1', bump: 'patch' });

    const files = filesIn(project).map((file) => readFileSync(file, 'latin1'));
    const secrets = [
      scene.azurite.key,
      readFileSync(scene.identity['AZURE_FEDERATED_TOKEN_FILE'] ?? '', 'utf8'),
      ...scene.entra.tokens.map((token) => token.split('.')[2] ?? token),
    ];
    expect(scene.entra.tokens.length).toBeGreaterThan(4);
    expect(files.some((text) => text.includes('EDGELOOP_INPUT_trees='))).toBe(true);
    const written = [...said, ...files];
    expect(secrets.filter((secret) => written.some((text) => text.includes(secret)))).toEqual([]);
    expect(written.filter((text) => /AccountKey=|SharedKey|[?&]sig=|AZURE_[A-Z]+=/.test(text))).toEqual([]);
    // Nor does the storage see another credential than the token.
    const schemes = scene.proxy.requests.map(({ headers }) => headers.authorization?.split(' ')[0]);
    expect(new Set(schemes)).toEqual(new Set(['Bearer']));
  });

  it('is a file for the training where the address is one blob, and a folder where it is a folder of one', async () => {
    const { project } = await newProject();
    const retrain = async () =>
      expect(await scene.run(project, ['retrain', 'churn', '--allow-dirty'])).toMatchObject({ code: 0 });
    edit(project, 'edgeloop.yaml', ['run: node', 'run: test -d ${{inputs.train}} && node']);
    await retrain();
    edit(project, 'edgeloop.yaml', ['test -d', 'test -f'], ['/train\n', '/train/churn-1.csv\n']);
    await retrain();
    expect(reads().at(-1)?.path).toMatch(/train\/churn-1\.csv/);
  });

  it('is not trained on a blob that was changed between plan and download', async () => {
    const { project, container } = await newProject();
    scene.proxy.fault({ fault: 'answer', status: 503 }, { ...BLOB_READ, path: /train\/churn-1/, times: 2 });
    const retrained = scene.run(project, ['retrain', 'churn', '--log-level', 'error']);
    await expect.poll(() => reads().some(({ status }) => status === 503), { timeout: 30_000 }).toBe(true);
    await container.getBlockBlobClient('train/churn-1.csv').upload('other', 5);
    checkError(await retrained, {
      exit: 1,
      code: 'remote-changed',
      says: [/azureblob:\/\/.*\/train: churn-1\.csv is not there any more as it was planned/, 'Plan again'],
    });
    expect(readdirSync(join(project, '.edgeloop'), { recursive: true })).not.toContain('training');
  });

  it.each([
    [
      'whose role is missing',
      { 'x-ms-error-code': 'AuthorizationPermissionMismatch' },
      [/403 AuthorizationPermissionMismatch.*workload identity file/, 'role "Storage Blob Data Reader"'],
    ],
    [
      'that the network keeps out',
      { 'x-ms-error-code': 'AuthorizationFailure' },
      [/403 AuthorizationFailure/, 'network rules'],
    ],
  ])('tells the mend to an identity %s', async (_, headers, says) => {
    const { project } = await newProject();
    const code = headers['x-ms-error-code'];
    const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>This request is not authorized.
RequestId:0
Time:2026-01-01T00:00:00Z</Message></Error>`;
    const answer = { status: 403, headers: { ...headers, 'content-type': 'application/xml' }, body };
    scene.proxy.fault({ fault: 'answer', ...answer }, { ...LISTING, times: Infinity });
    const ran = await scene.run(project, ['plan', 'churn', '--log-level', 'error']);
    checkError(ran, { exit: 1, code: 'blob-forbidden', says });
    // It is not asked again for what it may not have.
    expect(scene.proxy.requests).toHaveLength(1);
  });

  it.each([
    [
      'another container',
      'nosuchdata/train',
      1,
      'blob-container-missing',
      ['churndata/nosuchdata/train', 'Correct "data"'],
    ],
    ['an empty folder', 'CONTAINER/nothing', 1, 'dataset-empty', ['/nothing holds no file']],
    [
      'an address with a SAS',
      'CONTAINER/train?sv=2026&sig=hunter2',
      2,
      'data-url-invalid',
      ['no host, key or SAS'],
    ],
  ] as const)('tells of %s', async (_, path, exit, code, says) => {
    const { project, container } = await newProject();
    const place = path.replace('CONTAINER', container.containerName);
    edit(project, 'edgeloop.yaml', [`${container.containerName}/train`, place]);
    const ran = await scene.run(project, ['plan', 'churn', '--log-level', 'error']);
    checkError(ran, { exit, code, says: [...says] });
    expect(ran.stderr).not.toContain('hunter2');
  });

  it('tells of an account that is not there', async () => {
    const { project } = await newProject();
    // No server of names has to be asked for a name that is too long to be one.
    const EDGELOOP_BLOB_ENDPOINT = `https://{account}.blob.${'x'.repeat(64)}`;
    const environment = { ...scene.identity, EDGELOOP_BLOB_ENDPOINT };
    const ran = await scene.run(project, ['plan', 'churn', '--log-level', 'error'], environment);
    checkError(ran, {
      exit: 1,
      code: 'blob-account-unknown',
      says: ['there is no storage account "churndata"', 'has no address', 'EDGELOOP_BLOB_ENDPOINT'],
    });
    expect(scene.proxy.requests).toEqual([]);
  });
});

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
