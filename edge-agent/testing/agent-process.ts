import { writeSync } from 'node:fs';
import { EdgeloopError } from '../../src/errors.ts';
import { runAgent } from '../agent.ts';
import { agentSettingsSchema } from '../settings.ts';

/*
 * The agent as a process of its own, for tests: settings as JSON in the first argument, one JSON line on stdout when
 * it is ready, its log as JSON lines on stderr, SIGTERM ends it in order.
 */
const settings = agentSettingsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const cancelled = new AbortController();
process.on('SIGTERM', () => cancelled.abort());
try {
  await runAgent(settings, {
    log: (level, message, fields) => writeSync(2, `${JSON.stringify({ level, message, ...fields })}\n`),
    onReady: (ready) => writeSync(1, `${JSON.stringify(ready)}\n`),
    signal: cancelled.signal,
    programVersion: '0.0.0-test',
  });
} catch (error) {
  const { code, message, exitCode } =
    error instanceof EdgeloopError ? error : new EdgeloopError(1, 'bug', String(error), '');
  writeSync(1, `${JSON.stringify({ code, message })}\n`);
  process.exitCode = exitCode;
}
