import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../package-root.ts';

/** Lets the `$schema` comments of an example that was copied elsewhere name the JSON Schemas of this package. */
export async function nameEditorSchemas(project: string): Promise<void> {
  for (const name of ['edgeloop.yaml', 'agent.yaml']) {
    const file = join(project, name);
    const text = await readFile(file, 'utf8');
    await writeFile(
      file,
      text.replace('$schema=../../schema/', () => `$schema=${join(packageRoot(), 'schema')}/`),
    );
  }
}
