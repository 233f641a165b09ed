import { failure } from '../errors.ts';
import { type Event, readEvent } from './event.ts';

/** The event that started this run. Throws `event-unreadable` for one that is not as GitHub describes it. */
export async function currentEvent(): Promise<Event> {
  try {
    // It reads the event's file when it is loaded.
    const { context } = await import('@actions/github');
    return readEvent(context.eventName, context.payload, context.actor);
  } catch (error) {
    throw failure(
      'event-unreadable',
      `the event ${process.env['GITHUB_EVENT_NAME']} in ${process.env['GITHUB_EVENT_PATH']} is not what GitHub describes`,
      'Run the action in a workflow that GitHub, or a program that stands in for it, has started.',
      { cause: error },
    );
  }
}
