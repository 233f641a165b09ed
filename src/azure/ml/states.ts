/** Where a job stands. */
export type Course = 'under way' | 'ended well' | 'ended badly';

/** All states of the official description (`JobStatus` in mfe.json, 2022-10-01). */
const COURSES = new Map<string, Course>([
  ['NotStarted', 'under way'],
  ['Starting', 'under way'],
  ['Provisioning', 'under way'],
  ['Preparing', 'under way'],
  ['Queued', 'under way'],
  ['Running', 'under way'],
  ['Finalizing', 'under way'],
  ['CancelRequested', 'under way'],
  ['Completed', 'ended well'],
  ['Failed', 'ended badly'],
  ['Canceled', 'ended badly'],
  // "A run can go from NotResponding to any of the previous states."
  ['NotResponding', 'under way'],
  ['Paused', 'under way'],
  ['Unknown', 'under way'],
]);

/** A state that we do not know is not the end: a job that still runs must not be given up, nor be run a second time. */
export function courseOf(state: string): Course {
  return COURSES.get(state) ?? 'under way';
}
