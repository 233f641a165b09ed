import { misuse } from '../errors.ts';

export interface BoundCommand {
  /** For `sh -c`. Values are never part of its text. */
  script: string;
  /** The environment variables that hold the values. */
  variables: Record<string, string>;
}

/**
 * Binds Azure ML's placeholders `${{inputs.NAME}}` and `${{outputs.NAME}}` for a POSIX shell. Each becomes a reference
 * to an environment variable, so that no value, whatever it holds, is read as shell text.
 */
export function bindCommand(
  run: string,
  values: { inputs: Record<string, string>; outputs: Record<string, string> },
): BoundCommand {
  const variables: Record<string, string> = {};
  const script = run.replace(/\$\{\{\s*([^}]*?)\s*\}\}/g, (whole, expression: string, offset: number) => {
    const [kind, name, ...rest] = expression.split('.');
    const known = kind === 'inputs' || kind === 'outputs' ? values[kind] : {};
    const value =
      rest.length === 0 && name !== undefined && Object.hasOwn(known, name) ? known[name] : undefined;
    if (value === undefined) throw unknownPlaceholder(whole, values);
    const variable = `EDGELOOP_${kind === 'inputs' ? 'INPUT' : 'OUTPUT'}_${name}`;
    variables[variable] = value;
    const quote = openQuote(run.slice(0, offset));
    if (quote === "'") {
      throw misuse(
        'placeholder-quoted',
        `${whole} stands between single quotes in the command, where a shell replaces nothing`,
        'Remove the quotes: the value is passed as one word.',
      );
    }
    return quote === '"' ? `\${${variable}}` : `"\${${variable}}"`;
  });
  return { script, variables };
}

function openQuote(text: string): '"' | "'" | undefined {
  let open: '"' | "'" | undefined;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '\\' && open !== "'") index++;
    else if (open === undefined && (character === '"' || character === "'")) open = character;
    else if (character === open) open = undefined;
  }
  return open;
}

function unknownPlaceholder(whole: string, values: { inputs: object; outputs: object }): Error {
  const inputs = Object.keys(values.inputs).map((name) => `\${{inputs.${name}}}`);
  const outputs = Object.keys(values.outputs).map((name) => `\${{outputs.${name}}}`);
  return misuse(
    'placeholder-unknown',
    `the command holds the unknown placeholder ${whole}`,
    `It may hold ${[...inputs, ...outputs].join(', ')}; a param must stand under "params" first.`,
  );
}
