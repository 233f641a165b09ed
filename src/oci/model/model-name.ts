import { misuse } from '../../errors.ts';

/** Throws the misuse `model-name-invalid` for what is not a model's name (DESIGN §1), since names become paths. */
export function checkModelName(name: string): void {
  if (/^[a-z][a-z0-9-]{1,62}$/.test(name)) return;
  throw misuse(
    'model-name-invalid',
    `"${name}" is not a model name`,
    'Use a lower-case letter, then 1 to 62 of a-z, 0-9 and "-".',
  );
}
