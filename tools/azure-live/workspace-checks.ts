import { provideCode } from '../../src/azure/ml/assets/code.ts';
import { provideDataAsset } from '../../src/azure/ml/assets/data-asset.ts';
import { readDatastore } from '../../src/azure/ml/datastore.ts';
import { provideEnvironment } from '../../src/azure/ml/assets/environment.ts';
import { maskSas } from '../../src/azure/mask.ts';
import { z } from 'zod';
import { type Check, same, type Seen } from './check.ts';
import { type Scene, sha256, smallTraining } from './scene.ts';

const SDK_VERSION = '2022-10-01';
const silent = () => undefined;

const openedSchema = z.object({
  blobReferenceForConsumption: z.object({
    blobUri: z.url(),
    credential: z.object({ sasUri: z.url(), credentialType: z.string().optional() }),
  }),
});

/** The workspace, and what it keeps for jobs: code, data, environments. */
export function workspaceChecks(scene: Scene): Check[] {
  const { ml, run, mask, settings } = scene;
  const training = smallTraining(scene, 'assets', 1);
  const put = (path: string, body: unknown) =>
    ml.send({ method: 'PUT', path, apiVersion: SDK_VERSION, body });
  return [
    {
      id: 'workspace-tracking',
      assumed: 'the workspace names the host of run history and MLflow as azureml://HOST/…',
      async look() {
        return { ok: true, saw: await ml.dataPlane() };
      },
    },
    {
      id: 'workspace-datastore',
      assumed: 'workspaceblobstore is a container in Blob Storage',
      async look() {
        const { account, container } = await readDatastore(ml);
        return { ok: true, saw: `${account}/${container}` };
      },
    },
    {
      id: 'workspace-absent',
      assumed: 'what a workspace does not have is a 404 that can be told from a workspace that is not there',
      async look() {
        const { jobs, codeVersions, dataVersions } = ml.client;
        const name = `edgeloop-absent-${run}`;
        const found = await Promise.all([
          ml.finding('looking for no job', () => jobs.get(...ml.at, name)),
          ml.finding('looking for no code', () => codeVersions.get(...ml.at, name, '1')),
          ml.finding('looking for no data', () => dataVersions.get(...ml.at, name, '1')),
        ]);
        return same(
          found.map((one) => one ?? 'absent'),
          ['absent', 'absent', 'absent'],
        );
      },
    },
    {
      id: 'asset-upload',
      assumed: 'the workspace opens a place for code, with a SAS (2023-04-01)',
      async look(): Promise<Seen> {
        const answer = await ml.asking('opening an upload', () =>
          ml.send({
            method: 'POST',
            path: `/codes/edgeloop-live-${run}/versions/1/startPendingUpload`,
            apiVersion: '2023-04-01',
            body: { pendingUploadType: 'TemporaryBlobReference' },
          }),
        );
        const { data } = openedSchema.safeParse(answer);
        if (data === undefined) return { ok: false, saw: 'an answer without blobUri and sasUri' };
        const { blobUri, credential } = data.blobReferenceForConsumption;
        maskSas(mask, credential.sasUri);
        return { ok: true, saw: `${new URL(blobUri).host}, ${credential.credentialType ?? 'SAS'}` };
      },
    },
    {
      id: 'asset-code',
      assumed:
        'code that was uploaded is there under the hash of its content, and nothing is sent a second time',
      async look() {
        const id = await provideCode(ml, training.code.folder, silent);
        const [, name = ''] = /\/codes\/([^/]+)\//.exec(id) ?? [];
        const { properties } = await ml.client.codeVersions.get(...ml.at, name, '1');
        const kept = properties.properties?.['hash_sha256']?.slice(0, 32);
        return same(`edgeloop-${kept}`, name);
      },
    },
    {
      id: 'asset-data',
      assumed: 'a data asset may have a version of 64 hexadecimal digits',
      async look() {
        const { id } = await provideDataAsset(ml, training, silent);
        return same(id.split('/').at(-1), training.data.digest.replace('sha256:', ''));
      },
    },
    {
      id: 'asset-immutable',
      assumed: 'a version of a data asset never leads to other data',
      async look() {
        const path = `/data/edgeloop-${training.model}/versions/${training.data.digest.slice(7)}`;
        const read = async () =>
          z
            .object({ properties: z.object({ dataUri: z.string() }) })
            .parse(await ml.send({ method: 'GET', path, apiVersion: SDK_VERSION })).properties.dataUri;
        const before = await read();
        const dataUri = `azureml://datastores/workspaceblobstore/paths/edgeloop/${sha256(run)}/`;
        const answered = await ml
          .asking('moving a data asset', () => put(path, { properties: { dataType: 'uri_folder', dataUri } }))
          .then(
            () => 'accepted',
            (error: unknown) => String(error).replaceAll(/\s+/g, ' '),
          );
        return { ok: (await read()) === before, saw: `asked to change: ${answered}` };
      },
    },
    {
      id: 'asset-environment',
      assumed: 'the environment of the settings is one that a job may name',
      async look() {
        return { ok: true, saw: await provideEnvironment(ml, settings.trainingEnvironment) };
      },
    },
  ];
}
