import type { JobBase } from '@azure/arm-machinelearning';
import { z } from 'zod';
import type { RemoteStore } from '../../dataset/index.ts';
import { failure } from '../../errors.ts';
import { openBlobData } from '../blob-data.ts';
import { blobsOfUri, DEFAULT_DATASTORE, datastoreUri } from './datastore.ts';
import { MODEL_OUTPUT } from './job-names.ts';
import { bestTrialOf, pageOf } from './read-job.ts';
import type { MlWorkspace } from './workspace.ts';

const outputsSchema = z.record(z.string(), z.object({ uri: z.string().nullish() }).nullish()).nullish();
/** So many of the files that a job left instead of a model are named. */
const NAMED_FILES = 10;

/**
 * The files of a job's output `model`; of a sweep, those of its best trial. Throws `training-without-model`, which tells
 * what the job left, `training-job-missing`, and what reading from Blob Storage throws.
 */
export async function openJobOutput(ml: MlWorkspace, name: string): Promise<RemoteStore> {
  const asked = await readJob(ml, name);
  const trial = bestTrialOf(asked);
  const job = trial === undefined ? asked : await readJob(ml, trial);
  const { [MODEL_OUTPUT]: model, ...others } = urisOf(job, trial ?? name);
  const store = await openUri(ml, model ?? usualPlace(trial ?? name));
  if ((await store.list(ml.signal)).length > 0) return store;
  const left = await Promise.all(Object.entries(others).map(([output, uri]) => toldOf(ml, output, uri)));
  throw failure(
    'training-without-model',
    `the job ${trial ?? name} ended well but left nothing in its output "${MODEL_OUTPUT}", ${store.name}${left.join('')}`,
    `The command must write model.onnx into \${{outputs.${MODEL_OUTPUT}}}. Look at ${pageOf(asked) ?? 'the page of the job'}.`,
  );
}

async function readJob(ml: MlWorkspace, name: string): Promise<JobBase> {
  const job = await ml.finding(`reading the job ${name}`, () => ml.client.jobs.get(...ml.at, name));
  if (job !== undefined) return job;
  throw failure(
    'training-job-missing',
    `the workspace "${ml.settings.workspace}" has no job ${name}`,
    'Somebody deleted it: run the same command again, which submits another one.',
  );
}

/** Where each output of a job lies. The path of a job file may have parts that the service fills in. */
function urisOf({ properties }: JobBase, name: string): Record<string, string> {
  const { data } = outputsSchema.safeParse(Reflect.get(properties, 'outputs'));
  return Object.fromEntries(
    Object.entries(data ?? {}).flatMap(([output, value]) =>
      value?.uri
        ? [[output, filledIn(value.uri, { name, output_name: output, default_datastore: DEFAULT_DATASTORE })]]
        : [],
    ),
  );
}

function filledIn(uri: string, parts: Record<string, string>): string {
  return uri.replaceAll(/\$\{\{\s*(\w+)\s*\}\}/g, (written, part: string) => parts[part] ?? written);
}

/** Where the service puts an output of which nobody says where (Microsoft, "CLI (v2) command job YAML schema"). */
function usualPlace(name: string): string {
  return datastoreUri(`azureml/${name}/${MODEL_OUTPUT}`);
}

async function openUri(ml: MlWorkspace, uri: string): Promise<RemoteStore> {
  return openBlobData(await blobsOfUri(ml, uri), ml.credential);
}

/** What another output holds, for a message. */
async function toldOf(ml: MlWorkspace, output: string, uri: string): Promise<string> {
  const files = await openUri(ml, uri)
    .then((store) => store.list(ml.signal))
    .catch(() => undefined);
  if (files === undefined) return `; "${output}" is at ${uri.replace(/\?.*/s, '')}`;
  const names = files.slice(0, NAMED_FILES).map(({ path }) => path);
  const more = files.length > names.length ? ` and ${files.length - names.length} more` : '';
  return `; "${output}" has ${names.length === 0 ? 'no files' : names.join(', ')}${more}`;
}
