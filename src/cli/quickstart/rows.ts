import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { z } from 'zod';
import { z as schema } from 'zod';

const rowSchema = schema.array(schema.record(schema.string(), schema.string()));

/** The inputs of a model as `GET /v2/models/NAME` tells them. */
export const metadataSchema = schema.object({
  inputs: schema.array(schema.object({ name: schema.string(), datatype: schema.string() })),
});

/** One inference request per row of the holdout: each input of the model from the column of its name. */
export async function requestBodies(
  holdout: string,
  { inputs }: z.infer<typeof metadataSchema>,
): Promise<string[]> {
  const rows = rowSchema.parse(parse(await readFile(holdout), { columns: true, bom: true }));
  return rows.map((row) =>
    JSON.stringify({
      inputs: inputs.map(({ name, datatype }) => {
        const text = row[name] ?? '';
        return { name, datatype, shape: [1, 1], data: [datatype === 'BYTES' ? text : Number(text)] };
      }),
    }),
  );
}
