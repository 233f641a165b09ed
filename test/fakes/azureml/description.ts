import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { LiveValidator } from 'oav';
import type { Answer } from './answer.ts';

// oav is CommonJS, and its main file brings all of its commands along.
const { LiveValidator: Validator } = createRequire(import.meta.url)(
  'oav/dist/lib/liveValidation/liveValidator.js',
) as { LiveValidator: typeof LiveValidator };

/** Checks requests and answers of Azure Resource Manager with Microsoft's own description. */
export interface Description {
  misfitsOfRequest(request: { method: string; url: string; body: unknown }): Promise<string[]>;
  misfitsOfAnswer(request: { method: string; url: string }, answer: Answer): Promise<string[]>;
}

const DIRECTORY = resolve(import.meta.dirname, '../../fixtures/azure-rest-api');
const FILES =
  'specification/machinelearningservices/resource-manager/**/2022-10-01/{mfe,machineLearningServices}.json';

/** Reads the description of Azure Machine Learning, 2022-10-01. */
export async function readDescription(): Promise<Description> {
  const validator = new Validator({
    directory: DIRECTORY,
    swaggerPathsPattern: [FILES],
    git: { shouldClone: false },
    loadValidatorInInitialize: false,
    isArmCall: true,
  });
  await validator.initialize();
  return {
    async misfitsOfRequest({ method, url, body }) {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      return told(await validator.validateLiveRequest({ method, url, headers, body: Object(body) }));
    },
    async misfitsOfAnswer(request, { status, headers = {}, body }) {
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      // Without a body oav is given an empty object, which no required property may be missing from.
      const given = { statusCode: String(status), headers: { ...type, ...headers }, body: Object(body) };
      return told(await validator.validateLiveResponse(given, request));
    },
  };
}

function told(result: {
  errors: { message: string; pathsInPayload: string[] }[];
  runtimeException?: { message: string };
}): string[] {
  const { errors, runtimeException } = result;
  const wrong = errors.map(({ message, pathsInPayload }) => `${message} (${pathsInPayload.join(', ')})`);
  return runtimeException === undefined ? wrong : [...wrong, runtimeException.message];
}
