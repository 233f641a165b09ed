import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import type { Answer } from './answer.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/azure-rest-api');
const RUN_HISTORY =
  'specification/machinelearningservices/data-plane/Microsoft.MachineLearningServices/preview/2019-08-01/runHistory.json';
/** What of run history is described, by the end of its path. */
const OF_RUNS = { details: 'RunDetails', children: 'PaginatedRunList' };

const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, allErrors: true });
ajv.addSchema(JSON.parse(readFileSync(join(FIXTURES, RUN_HISTORY), 'utf8')), 'history');
ajv.addSchema(JSON.parse(readFileSync(join(FIXTURES, 'pending-upload.json'), 'utf8')), 'upload');

function misfitsOf(definition: string, body: unknown): string[] {
  // What is sent is what JSON keeps of it.
  ajv.validate({ $ref: definition }, JSON.parse(JSON.stringify(body ?? null)));
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath || 'the body'} ${message}`);
}

/** What of an answer of run history is not as Microsoft describes it; nothing for other answers. */
export function misfitsOfRunHistory(path: string, { status, body }: Answer): string[] {
  const [, what = ''] = /^\/history\/.*\/runs\/[^/]+\/(details|children)$/.exec(path) ?? [];
  const name = Object.entries(OF_RUNS).find(([end]) => end === what)?.[1];
  return name === undefined || status !== 200 ? [] : misfitsOf(`history#/definitions/${name}`, body);
}

/** The same of what `startPendingUpload` is asked. */
export function misfitsOfUploadAsked(body: unknown): string[] {
  return misfitsOf('upload#/definitions/PendingUploadRequestDto', body);
}

/** And of what it answers. */
export function misfitsOfUpload({ status, body }: Answer): string[] {
  return status === 200 ? misfitsOf('upload#/definitions/PendingUploadResponseDto', body) : [];
}
