#!/usr/bin/env node
// Whatever Node there is loads this file, so it imports nothing, and holds nothing that an old one cannot read.
const NEEDED = '24.15';
const found = process.versions.node;
const [major = 0, minor = 0] = found.split('.').map(Number);
const [neededMajor = 0, neededMinor = 0] = NEEDED.split('.').map(Number);

if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) {
  // Before anything has made garbage. The agent's gateway makes it at its own pace.
  if (process.argv[2] !== 'agent') (await import('../small-garbage.ts')).keepGarbageSmall();
  await import('./main.ts');
} else {
  const message = `Edgeloop needs Node ${NEEDED} or newer, and this is Node ${found} (${process.execPath})`;
  const remedy =
    'Install a newer Node. In a checkout of Edgeloop, on Linux, `npx edgeloop` uses the one that `npm ci` brought along.';
  process.stderr.write(`error[node-too-old]: ${message}\n  ${remedy}\n`);
  if (process.argv.includes('--json'))
    process.stdout.write(`${JSON.stringify({ error: { code: 'node-too-old', message, remedy } })}\n`);
  process.exitCode = 2;
}
