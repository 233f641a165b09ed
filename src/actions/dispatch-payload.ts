import { z } from 'zod';

/**
 * `client_payload` of a `repository_dispatch` event of the type `edgeloop-data-changed` or `edgeloop-run-completed`. It
 * only says where to look: what is trained follows from what is found there.
 */
export const dispatchPayloadSchema = z
  .looseObject({
    models: z
      .array(z.string().min(1))
      .meta({ description: 'Models to look at; all of them when left out.' })
      .optional(),
    source: z
      .string()
      .meta({ description: 'Who says so, such as a site or a store, for the log.' })
      .optional(),
    job: z.string().meta({ description: 'The training job that has ended, for the log.' }).optional(),
  })
  .meta({
    description:
      'client_payload of the repository_dispatch events edgeloop-data-changed and edgeloop-run-completed. It is a hint: what is trained follows from the data, the code and the params themselves.',
    examples: [{ models: ['churn'], source: 'site 42' }],
  });
