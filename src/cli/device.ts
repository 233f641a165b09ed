import { resolve } from 'node:path';
import { controlRequest } from '../../edge-agent/controller/control-client.ts';
import { loadAgentConfig } from '../config/index.ts';
import { type CommonOptions, type Outcome, runVerb } from './run-verb.ts';

type DeviceOptions = CommonOptions & { state?: string };

/** `edgeloop device status` */
export function deviceStatus(options: DeviceOptions): Promise<void> {
  return ask(options, 'GET', '/status');
}

/** `edgeloop device poll` */
export function devicePoll(options: DeviceOptions): Promise<void> {
  return ask(options, 'POST', '/poll');
}

/** `edgeloop device rollback NAME` */
export function deviceRollback(model: string, options: DeviceOptions): Promise<void> {
  return ask(options, 'POST', '/rollback', { model });
}

function ask(options: DeviceOptions, method: 'GET' | 'POST', path: string, body?: object): Promise<void> {
  return runVerb(options, async ({ cwd }): Promise<Outcome> => {
    const state =
      options.state === undefined
        ? loadAgentConfig(cwd, options.config, {}).state
        : resolve(cwd, options.state);
    const answer = await controlRequest(state, method, path, body);
    return { json: Object(answer), text: JSON.stringify(answer, null, 2) };
  });
}
