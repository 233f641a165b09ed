import { type PipelinePolicy, RestError } from '@azure/core-rest-pipeline';

/**
 * Ends a request that nobody answers, as one that was cut and may be tried again: Azure's SDKs would wait for ever. Belongs
 * behind their retries.
 */
export function limitAnswers(answerMs: number): PipelinePolicy {
  return {
    name: 'limitAnswers',
    async sendRequest(request, next) {
      request.timeout ||= answerMs;
      try {
        return await next(request);
      } catch (error) {
        const isLimit = error instanceof Error && error.name === 'AbortError';
        if (!isLimit || request.abortSignal?.aborted === true) throw error;
        const message = `no answer came for ${request.timeout / 1000} s`;
        throw new RestError(message, { code: 'ETIMEDOUT', request });
      }
    },
  };
}
