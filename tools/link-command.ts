import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';

// npm links the commands of dependencies, not those of the package itself. With this link `npx edgeloop` runs the
// build of this checkout at once; without it npx installs a link in its own cache first.
const folder = resolve(import.meta.dirname, '../node_modules/.bin');
if (existsSync(folder) && process.platform !== 'win32') {
  rmSync(`${folder}/edgeloop`, { force: true });
  symlinkSync('../../dist/edgeloop.js', `${folder}/edgeloop`);
}
