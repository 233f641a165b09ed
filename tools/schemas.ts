import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { dispatchPayloadSchema } from '../src/actions/dispatch-payload.ts';
import { agentConfigSchema } from '../src/config/agent-schema.ts';
import { configSchema } from '../src/config/schema.ts';
import { isSystemError } from '../src/errors.ts';
import { cardSchema } from '../src/onnx/index.ts';

interface Published {
  /** Path below the project's root. */
  file: string;
  title: string;
  schema: z.ZodType;
  /** What people write (`input`: before units are read and defaults are filled in), or what is stored (`output`). */
  io: 'input' | 'output';
}

const PUBLISHED: Published[] = [
  { file: 'schema/edgeloop.schema.json', title: 'edgeloop.yaml', schema: configSchema, io: 'input' },
  { file: 'schema/agent.schema.json', title: 'agent.yaml', schema: agentConfigSchema, io: 'input' },
  {
    file: 'schema/dispatch.schema.json',
    title: 'client_payload of a repository_dispatch',
    schema: dispatchPayloadSchema,
    io: 'input',
  },
  { file: 'schema/card.schema.json', title: 'edgeloop.json, the card', schema: cardSchema, io: 'output' },
];

/** The published JSON Schemas (draft 2020-12) as text, by their path below the project's root. */
export function publishedSchemas(): Map<string, string> {
  return new Map(
    PUBLISHED.map(({ file, title, schema, io }) => {
      const { $schema, ...rest } = z.toJSONSchema(schema, {
        io,
        target: 'draft-2020-12',
        override: keepExamples,
      });
      const document = { $schema, $id: file.replace('schema/', ''), title, ...rest };
      return [file, `${JSON.stringify(document, null, 2)}\n`];
    }),
  );
}

/** zod leaves out the examples of what it transforms, since they might be of the result; ours are as people write them. */
function keepExamples({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: object }): void {
  const examples = z.globalRegistry.get(zodSchema)?.['examples'];
  if (examples !== undefined) Object.assign(jsonSchema, { examples });
}

/** Files that are not what the validators say today. */
export function staleSchemas(root: string): string[] {
  return [...publishedSchemas()].flatMap(([file, text]) => (textOf(join(root, file)) === text ? [] : [file]));
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  if (process.argv.includes('--check')) {
    const stale = staleSchemas(root);
    for (const file of stale) console.error(`${file} is stale: run \`npm run schemas\` and commit it`);
    if (stale.length > 0) process.exitCode = 1;
  } else {
    for (const [file, text] of publishedSchemas()) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
  }
}
