import { misuse } from '../errors.ts';

/** Reads `MODEL@VERSION`, where the version may begin with a `v`. Throws the misuse `usage` that shows the example. */
export function parseReleaseName(text: string, example: string): { model: string; version: string } {
  const [, model, version] = /^([^@]+)@v?(\d+\.\d+\.\d+)$/.exec(text) ?? [];
  if (model !== undefined && version !== undefined) return { model, version };
  throw misuse('usage', `"${text}" is not MODEL@VERSION`, `For example: ${example}`);
}
