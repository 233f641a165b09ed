import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import type { Answer } from './answer.ts';

const DESCRIPTION = join(
  import.meta.dirname,
  '../../fixtures/azure-rest-api/specification/machinelearningservices/data-plane/Microsoft.MachineLearningServices/preview/2019-08-01/runHistory.json',
);
/** By the end of the path. */
const DEFINITIONS = { details: 'RunDetails', children: 'PaginatedRunList' };

const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, allErrors: true });
ajv.addSchema(JSON.parse(readFileSync(DESCRIPTION, 'utf8')), 'history');

/** What of an answer of run history is not as Microsoft describes it; nothing for other answers. */
export function misfitsOfRunHistory(path: string, { status, body }: Answer): string[] {
  const [, what = ''] = /^\/history\/.*\/runs\/[^/]+\/(details|children)$/.exec(path) ?? [];
  const name = Object.entries(DEFINITIONS).find(([end]) => end === what)?.[1];
  if (name === undefined || status !== 200) return [];
  // What is sent is what JSON keeps of it.
  ajv.validate({ $ref: `history#/definitions/${name}` }, JSON.parse(JSON.stringify(body)));
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
