import { archiveModel, listModels, MODEL_TAG, registerModel } from '../../src/azure/ml/models.ts';
import { datastoreUri } from '../../src/azure/ml/datastore.ts';
import { messageOf } from '../../src/errors.ts';
import type { Check } from './check.ts';
import { type Scene, sha256 } from './scene.ts';

/** Registered models: numbers, properties, archived versions. */
export function modelChecks({ ml, run }: Scene): Check[] {
  const model = `azure-live-${run}`;
  const digest = `sha256:${sha256(run)}`;
  const properties = { [MODEL_TAG.version]: '1.0.0', [MODEL_TAG.modelManifest]: digest };
  const uri = datastoreUri(`edgeloop/models/azure-live/${run}/`);
  return [
    {
      id: 'model-registered',
      assumed: 'a model gets the number that we give it, and is found again by its properties',
      async look() {
        const wanted = { description: 'A check', uri, jobName: undefined, properties, tags: {} };
        const number = await registerModel(ml, model, wanted);
        const [found] = await listModels(ml, model);
        const isFound = found?.number === number && found.version === '1.0.0' && found.digest === digest;
        return { ok: isFound, saw: JSON.stringify(found) };
      },
    },
    {
      id: 'model-immutable',
      assumed: 'a number that is taken keeps its path and its properties',
      async look() {
        const at = [...ml.at, model, '1'] as const;
        const other = { modelType: 'custom_model', modelUri: datastoreUri(`edgeloop/models/other/${run}/`) };
        const answered = await ml
          .asking('registering over it', () =>
            ml.client.modelVersions.createOrUpdate(...at, {
              properties: { ...other, properties: { [MODEL_TAG.version]: '2.0.0' } },
            }),
          )
          .then(
            () => 'accepted',
            (error: unknown) => messageOf(error).replaceAll(/\s+/g, ' '),
          );
        const [found] = await listModels(ml, model);
        return { ok: found?.version === '1.0.0', saw: `asked to change: ${answered}` };
      },
    },
    {
      id: 'model-archived',
      assumed: 'an archived version is in no list unless it is asked for',
      async look() {
        await archiveModel(ml, model, 1, 'a check');
        const [active, all] = [await listModels(ml, model), await listModels(ml, model, 'All')];
        return {
          ok: active.length === 0 && all.length === 1,
          saw: `${active.length} active, ${all.length} in all`,
        };
      },
    },
  ];
}
