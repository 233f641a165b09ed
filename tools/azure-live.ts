// What only a real Azure can tell: looks at each assumption of docs/azure-live.md and prints what it saw. Ends with 1 when
// something differs. `--loop` runs the churn example through the built command too, to a locked release; `--only job-` looks
// at those whose names begin so.
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EdgeloopError } from '../src/errors.ts';
import { type Result, runChecks, table } from './azure-live/check.ts';
import { allChecks } from './azure-live/checks.ts';
import { liveSettings, openScene } from './azure-live/scene.ts';

const { values } = parseArgs({
  options: { loop: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
const environment = process.env;
const isWorkflow = environment['GITHUB_ACTIONS'] === 'true';
const mask = (secret: string) => {
  if (isWorkflow) console.log(`::add-mask::${secret}`);
};
const tell = ({ ok, id, assumed, saw }: Result) =>
  console.log(`${ok ? 'as assumed' : 'DIFFERS   '}  ${id}: ${assumed}\n            saw: ${saw}`);

const folder = mkdtempSync(join(tmpdir(), 'edgeloop-azure-live-'));
const ended = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => ended.abort(new Error(`ended by ${name}`)));
try {
  const { signal } = ended;
  const scene = openScene({ settings: liveSettings(environment), environment, folder, mask, signal });
  const checks = allChecks(scene, values).filter(({ id }) => id.startsWith(values.only));
  const results = await runChecks(checks, tell, signal);
  const differing = results.filter(({ ok }) => !ok).length;
  console.log(`\n${results.length - differing} as assumed, ${differing} not`);
  const summary = environment['GITHUB_STEP_SUMMARY'];
  if (summary) appendFileSync(summary, table(results));
  process.exitCode = differing === 0 ? 0 : 1;
} catch (error) {
  const isExpected = error instanceof EdgeloopError;
  console.error(isExpected ? `${error.message}\n${error.remedy}` : error);
  process.exitCode = isExpected ? error.exitCode : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
