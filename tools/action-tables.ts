import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const actionSchema = z.object({
  inputs: z.record(
    z.string(),
    z.object({ description: z.string(), default: z.string().optional(), required: z.boolean().optional() }),
  ),
  outputs: z.record(z.string(), z.object({ description: z.string() })),
});

/** The pages of the actions, `actions/NAME/README.md`, with the tables that their `action.yml` says today. */
export function actionPages(root: string): Map<string, string> {
  return new Map(
    globSync('actions/*/action.yml', { cwd: root })
      .toSorted()
      .map((file) => {
        const { inputs, outputs } = actionSchema.parse(parse(readFileSync(join(root, file), 'utf8')));
        const page = `${dirname(file)}/README.md`;
        const text = readFileSync(join(root, page), 'utf8');
        return [
          page,
          withTable(withTable(text, 'inputs', inputTable(inputs)), 'outputs', outputTable(outputs)),
        ];
      }),
  );
}

function inputTable(inputs: z.output<typeof actionSchema>['inputs']): string {
  const rows = Object.entries(inputs).map(([name, { description, default: value, required }]) => {
    const usual = required === true ? 'required' : value ? code(value) : '';
    return `| ${code(name)} | ${cell(description)} | ${usual} |`;
  });
  return ['| input | what it is | default |', '|---|---|---|', ...rows].join('\n');
}

function outputTable(outputs: z.output<typeof actionSchema>['outputs']): string {
  const rows = Object.entries(outputs).map(
    ([name, { description }]) => `| ${code(name)} | ${cell(description)} |`,
  );
  return ['| output | what it is |', '|---|---|', ...rows].join('\n');
}

const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|');

/** Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`. */
function withTable(text: string, name: string, table: string): string {
  const [before, rest] = split(text, `<!-- ${name} -->`);
  const [, after] = split(rest, `<!-- /${name} -->`);
  return `${before}<!-- ${name} -->\n\n${table}\n\n<!-- /${name} -->${after}`;
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`there is no ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

/** Pages whose tables are not what `action.yml` says. */
export function stalePages(root: string): string[] {
  return [...actionPages(root)].flatMap(([page, text]) =>
    readFileSync(join(root, page), 'utf8') === text ? [] : [page],
  );
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  if (process.argv.includes('--check')) {
    const stale = stalePages(root);
    for (const page of stale) console.error(`${page} is stale: run \`npm run actions\` and commit it`);
    if (stale.length > 0) process.exitCode = 1;
  } else {
    for (const [page, text] of actionPages(root)) writeFileSync(join(root, page), text);
  }
}
