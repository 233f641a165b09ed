import { RESTART, stateSchema } from '../../edge-agent/slots/states.ts';

/** What a device has: what answers, what did so before, what is on its way, and the last document that it believed. */
export interface Expected {
  serving?: string;
  previous?: string;
  candidate?: string;
  /** Known, and to be fetched when the registry can be reached. */
  discovered?: string;
  sequence?: number;
}

/**
 * What a restarted device must have, without network, when its journal ends with these writes (`snapshot`,
 * `document 2`, `2.0.0 warm`): read from the table RESTART, not from the agent's own replay.
 */
export function afterRestart(
  before: Expected,
  writes: readonly string[],
  broken: readonly string[],
): Expected {
  let device = before;
  for (const write of writes) device = withWrite(device, write);
  const { candidate, ...rest } = device;
  if (candidate === undefined || broken.includes(candidate)) return rest;
  return activated(rest, candidate);
}

function withWrite(device: Expected, write: string): Expected {
  const [subject = '', detail = ''] = write.split(' ');
  if (subject === 'snapshot') return device;
  if (subject === 'document') return { ...device, sequence: Number(detail) };
  const { candidate: _candidate, discovered: _discovered, ...rest } = device;
  switch (RESTART[stateSchema.parse(detail)].restart) {
    case 'load-again':
      return { ...rest, candidate: subject };
    case 'serve':
      return activated(rest, subject);
    case 'forget':
    case 'serve-previous':
      return withdrawn(rest, subject);
  }
}

function activated(device: Expected, version: string): Expected {
  const { serving, previous: _previous, ...rest } = device;
  if (serving === version) return device;
  return { ...rest, serving: version, ...(serving === undefined ? {} : { previous: serving }) };
}

function withdrawn(device: Expected, version: string): Expected {
  const { serving, previous, ...rest } = device;
  if (serving !== version) return device;
  return previous === undefined ? rest : { ...rest, serving: previous };
}
