import { resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
/** The folder of the built programs. */
export const DIST = resolve(ROOT, 'dist');
/** The built command line program: what a user's `npx edgeloop` runs. */
export const PROGRAM = resolve(DIST, 'edgeloop.js');
