import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const requirements = ['digits/requirements.txt', 'churn/training-sklearn/requirements.txt'].map((file) =>
  join(ROOT, 'examples', file),
);
const digest = createHash('sha256')
  .update(requirements.map((file) => readFileSync(file, 'utf8')).join(''))
  .digest('hex');

/** The Python environment that the examples' trainings run in, with what their lock files pin. */
export const TRAINERS = {
  folder: join(ROOT, '.tools/trainers'),
  requirements,
  /** Exists when these versions are installed. */
  proof: join(ROOT, `.tools/trainers-${digest.slice(0, 16)}.installed`),
};
