import { KnownJobStatus } from '@azure/arm-machinelearning';
import { cancelJob } from '../../src/azure/ml/cancel.ts';
import { openDataPlane } from '../../src/azure/ml/follow/data-plane.ts';
import { followJob } from '../../src/azure/ml/follow/follow.ts';
import { openJobOutput } from '../../src/azure/ml/outputs.ts';
import { listOwnJobs } from '../../src/azure/ml/list-own-jobs.ts';
import { readRunDetails } from '../../src/azure/ml/follow/run-details.ts';
import { submitTraining } from '../../src/azure/ml/submit/submit.ts';
import { downloadRemote } from '../../src/dataset/index.ts';
import { messageOf } from '../../src/errors.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, same, type Seen } from './check.ts';
import { AWKWARD, type Scene, smallTraining } from './scene.ts';

const SDK_VERSION = '2022-10-01';
const LOG = 'user_logs/std_log.txt';
const SECONDS = 10;
const silent = () => undefined;

/** One job from its submission to its model, and one that is cancelled. */
export function jobChecks(scene: Scene): Check[] {
  const { ml, sent, folder, signal } = scene;
  const training = smallTraining(scene, 'job', SECONDS);
  const name = `edgeloop-${training.model}-${training.inputKey.slice(0, 12)}`;
  const read = () => ml.asking(`reading the job ${name}`, () => ml.client.jobs.get(...ml.at, name));
  const put = (body: unknown) =>
    ml
      .asking('putting the job again', () =>
        ml.send({ method: 'PUT', path: `/jobs/${name}`, apiVersion: SDK_VERSION, body }),
      )
      .then(
        () => 'accepted',
        (error: unknown) => messageOf(error).replaceAll(/\s+/g, ' '),
      );
  let asked: { properties: Record<string, unknown> } = { properties: {} };
  const states: string[] = [];
  const lines: string[] = [];
  return [
    {
      id: 'job-created',
      assumed: 'the PUT of a new job is answered with 201, and names a page in the studio',
      async look() {
        const { submitted, page } = await submitTraining(ml, training, silent);
        asked = JSON.parse(sent.get(`jobs/${name}`) ?? '{ "properties": {} }');
        return { ok: submitted && page !== undefined, saw: `submitted: ${submitted}, ${page}` };
      },
    },
    {
      id: 'job-kept',
      assumed: 'tags, properties, time limit and the place of the model are kept as they were sent',
      async look() {
        const kept: Record<string, unknown> = { ...(await read()).properties };
        const parts = ['tags', 'properties', 'limits', 'outputs'];
        const lost = parts.filter((part) => !holds(kept[part], asked.properties[part]));
        return { ok: lost.length === 0, saw: lost.length === 0 ? 'all kept' : `changed: ${lost.join(', ')}` };
      },
    },
    {
      id: 'job-put-again',
      assumed: 'the same job again changes nothing, and another one of that name is refused',
      async look() {
        const again = await put(asked);
        const other = await put({ properties: { ...asked.properties, command: 'exit 1' } });
        const { properties } = await read();
        const isKept = Reflect.get(properties, 'command') === asked.properties['command'];
        return { ok: isKept && other !== 'accepted', saw: `the same: ${again}; another: ${other}` };
      },
    },
    {
      id: 'job-listed',
      assumed: 'a list of jobs by tag has those that have it',
      async look() {
        const listed = (await listOwnJobs(ml)).map((job) => job.name);
        return { ok: listed.includes(name), saw: `${listed.length} under way` };
      },
    },
    {
      id: 'job-ends',
      assumed:
        'the job walks through states that we know, prints into user_logs/std_log.txt, and is Completed',
      async look() {
        await followJob(ml, name, {
          onLine: (line) => void lines.push(line),
          log: (_, message) => void states.push(/^the job \S+ is (\w+)$/.exec(message)?.[1] ?? message),
        });
        const known: readonly string[] = Object.values(KnownJobStatus);
        const isKnown = states.every((state) => known.includes(state));
        return { ok: isKnown && states.at(-1) === 'Completed', saw: states.join(', ') };
      },
    },
    {
      id: 'job-log',
      assumed: 'each line that it prints comes once and in order',
      async look() {
        const printed = Array.from({ length: SECONDS }, (_, index) => `second ${index + 1} of ${SECONDS}`);
        return same(
          lines.filter((line) => line.startsWith('second ')),
          printed,
        );
      },
    },
    {
      id: 'job-details',
      assumed:
        'run history (with a token for Resource Manager) tells start, end and logs of a job by its name alone',
      async look(): Promise<Seen> {
        const details = await readRunDetails(ml, name);
        const { started, ended, logFiles = {} } = details ?? {};
        const isWhole = started !== undefined && ended !== undefined && LOG in logFiles;
        return { ok: isWhole, saw: `${Object.keys(logFiles).join(', ')}; ${minutes(started, ended)}` };
      },
    },
    {
      id: 'job-log-range',
      assumed: 'a log is a URL that takes Range, and answers 416 at its end',
      async look() {
        const url = (await readRunDetails(ml, name))?.logFiles[LOG] ?? '';
        const part = await fetch(url, { headers: { range: 'bytes=1-2' }, signal });
        const size = Number(part.headers.get('content-range')?.split('/')[1]);
        await part.arrayBuffer();
        const end = await fetch(url, { headers: { range: `bytes=${size}-` }, signal });
        await end.arrayBuffer();
        return same([part.status, end.status], [206, 416]);
      },
    },
    {
      id: 'job-mlflow',
      assumed: 'MLflow answers for a job by its name (runs/get)',
      async look() {
        const answer = await openDataPlane(ml).get('mlflow', `/api/2.0/mlflow/runs/get?run_id=${name}`);
        return { ok: answer !== undefined, saw: Object.keys(Object(answer)).join(', ') || 'nothing' };
      },
    },
    {
      id: 'job-output',
      assumed: 'the model lies where the job was told to put it, and each param came as one word',
      async look() {
        const store = await openJobOutput(ml, name);
        const target = join(folder, 'output');
        const files = await store.list(signal);
        await downloadRemote(store, files, target, { cache: join(folder, 'cache'), signal });
        return same(readFileSync(join(target, 'word.txt'), 'utf8'), AWKWARD);
      },
    },
    {
      id: 'job-attached',
      assumed: 'the same training again finds that job, and submits none',
      async look() {
        const { submitted, name: found } = await submitTraining(ml, training, silent);
        return same({ submitted, found }, { submitted: false, found: name });
      },
    },
    {
      id: 'job-cancelled',
      assumed: 'a job that is asked to end says so within seconds, and is Canceled later',
      async look() {
        const other = await submitTraining(ml, smallTraining(scene, 'cancelled', 600), silent);
        const cancellation = await cancelJob(ml, other.name, { limitMs: 30_000 });
        const how = cancellation.kind === 'confirmed' ? cancellation.state : cancellation.why;
        const end = await followJob(ml, other.name, { onLine: silent, log: silent }).then(
          () => 'ended well',
          (error: unknown) => String(Reflect.get(Object(error), 'code')),
        );
        return {
          ok: cancellation.kind === 'confirmed' && end === 'training-cancelled-elsewhere',
          saw: `${cancellation.kind}: ${how}; then ${end}`,
        };
      },
    },
  ];
}

/** True when everything that was asked for is there; a service may add to it. */
function holds(kept: unknown, asked: unknown): boolean {
  if (typeof asked !== 'object' || asked === null) return kept === asked;
  return Object.entries(asked).every(([key, value]) => holds(Reflect.get(Object(kept), key), value));
}

function minutes(started: number | undefined, ended: number | undefined): string {
  if (started === undefined || ended === undefined) return 'no times';
  return `${((ended - started) / 60_000).toFixed(1)} min`;
}
