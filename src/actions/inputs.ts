import * as core from '@actions/core';
import { misuse } from '../errors.ts';

/** An input's value; `undefined` when it is not set. */
export function optional(name: string): string | undefined {
  return core.getInput(name) || undefined;
}

/** Throws the misuse `input-missing`, which shows the line to add. */
export function required(name: string, example: string): string {
  const value = optional(name);
  if (value !== undefined) return value;
  throw misuse(
    'input-missing',
    `the input "${name}" is not set`,
    `In the workflow: with: { ${name}: ${example} }`,
  );
}

/** Names separated by spaces, commas or lines. */
export function names(name: string): string[] {
  return core
    .getInput(name)
    .split(/[\s,]+/)
    .filter(Boolean);
}

/** `true` or `false`, in YAML 1.2's spellings; throws the misuse `input-invalid`. */
export function flag(name: string): boolean {
  const value = core.getInput(name) || 'false';
  if (/^(true|True|TRUE)$/.test(value)) return true;
  if (/^(false|False|FALSE)$/.test(value)) return false;
  throw misuse('input-invalid', `the input "${name}" is "${value}"`, 'It is true or false.');
}

/** One of some values, or `undefined`; throws the misuse `input-invalid`. */
export function choice<T extends string>(name: string, values: readonly T[]): T | undefined {
  const text = optional(name);
  const value = values.find((known) => known === text);
  if (text === undefined || value !== undefined) return value;
  throw misuse(
    'input-invalid',
    `the input "${name}" is "${text}"`,
    `It is one of ${values.join(', ')}, or empty.`,
  );
}
