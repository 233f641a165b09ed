import { z } from 'zod';
import { http } from '../../http.ts';
import { MODEL, require, type Stage } from './stage.ts';

/** The running agent. */
export interface Device {
  url: string;
  pid: number;
  /** SIGTERM; resolves when it has ended. */
  end(): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
}

const readySchema = z.object({
  url: z.string(),
  models: z.array(z.object({ name: z.string(), version: z.string() })),
});

/** Starts the agent on a free port of loopback and checks that it serves `version`. */
export async function startDevice(stage: Stage, version: string): Promise<Device> {
  const { processes, program, project, narrator } = stage;
  narrator.doing('$ edgeloop agent');
  const args = [program, 'agent', '--http', '127.0.0.1:0', '--json'];
  const { firstLine, ...device } = await processes.start(process.execPath, args, { cwd: project });
  const { url, models } = readySchema.parse(JSON.parse(firstLine));
  require(models[0]?.version === version, `the agent serves ${JSON.stringify(models)}`);
  const ready = await http(`${url}/v2/models/${MODEL}/versions/${version}/ready`);
  require(ready.status === 200, `${version} is not ready: ${ready.body.toString()}`);
  narrator.tell('agent', `${url} serves ${MODEL} ${version}`);
  return { url, ...device };
}
