import { z } from 'zod';
import { refusal } from '../errors.ts';

/** Artifact type and media type of a deprecation, a referrer of the version's ModelPack manifest. */
export const DEPRECATION_ARTIFACT_TYPE = 'application/vnd.edgeloop.deprecation.v1+json';

/** Why a version is not to be rolled out any more, and who said so. */
export const deprecationSchema = z.strictObject({
  schema: z.literal('edgeloop.deprecation/v1'),
  model: z.string(),
  version: z.string(),
  /** The ModelPack manifest's. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** One line: it is printed on terminals as it is. */
  why: z.string().regex(/^\P{Cc}{1,1000}$/u),
  /** When it was deprecated, RFC 3339. */
  date: z.iso.datetime(),
  /** As git knows them, `NAME <ADDRESS>`; `null` when it knew nobody. */
  by: z
    .string()
    .regex(/^\P{Cc}{1,300}$/u)
    .nullable(),
});

export type Deprecation = z.infer<typeof deprecationSchema>;

/** The tag that says of a version that it is deprecated, so that one listing says it of all. */
export function deprecatedTag(version: string): string {
  return `deprecated-${version}`;
}

/** The versions that a repository's tags call deprecated. */
export function deprecatedVersions(tags: readonly string[]): Set<string> {
  return new Set(tags.map((tag) => /^deprecated-(\d+\.\d+\.\d+)$/.exec(tag)?.[1] ?? '').filter(Boolean));
}

/** The bytes of a deprecation as they are stored: one line of JSON with its keys in the schema's order. */
export function deprecationBytes(deprecation: Deprecation): Uint8Array {
  return Buffer.from(`${JSON.stringify(deprecationSchema.parse(deprecation))}\n`);
}

/** Reads a deprecation of one version. Throws the refusal `deprecation-invalid` for anything else. */
export function parseDeprecation(bytes: Uint8Array, of: { model: string; version: string }): Deprecation {
  try {
    const deprecation = deprecationSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    if (deprecation.model === of.model && deprecation.version === of.version) return deprecation;
    throw new Error(`it is of ${deprecation.model} ${deprecation.version}`);
  } catch (error) {
    const cause = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw refusal(
      'deprecation-invalid',
      `a deprecation of ${of.model} ${of.version} in the registry can't be read: ${cause}`,
      'Find out who wrote it; nothing is rolled out that may be deprecated.',
    );
  }
}
