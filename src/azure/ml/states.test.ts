import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { courseOf } from './states.ts';

const MFE = new URL(
  '../../../test/fixtures/azure-rest-api/specification/machinelearningservices/resource-manager/Microsoft.MachineLearningServices/stable/2022-10-01/mfe.json',
  import.meta.url,
);

it('takes three of the states that are described for an end, and no other', () => {
  const { definitions } = JSON.parse(readFileSync(MFE, 'utf8')) as {
    definitions: { JobStatus: { enum: string[] } };
  };
  const states = definitions.JobStatus.enum;
  expect(states).toHaveLength(14);
  expect(states.filter((state) => courseOf(state) !== 'under way')).toEqual([
    'Completed',
    'Failed',
    'Canceled',
  ]);
  expect(courseOf('Completed')).toBe('ended well');
});

it.each(['Hibernating', '', 'completed', 'constructor'])('gives no job up in the state %j', (state) => {
  expect(courseOf(state)).toBe('under way');
});
